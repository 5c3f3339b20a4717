import { NotStartedError } from '../core/errors.ts'
import type { Middleware } from '../core/middleware.ts'
import type { ResultBackend } from '../core/result-backend.ts'
import type { ScheduleSource } from '../core/schedule-source.ts'
import type { QueueSettings, Transport } from '../core/transport.ts'
import type { Surroundings } from '../core/vendor.ts'
import type { DependencyContainer } from '../dependencies/container.ts'
import type { WorkflowPump } from './canvas/workflow-pump.ts'
import type { Sender } from './sender.ts'

/** What is started and stopped together. */
export interface LifeCycleParts {
  readonly transport: Transport
  readonly results: ResultBackend
  readonly middlewares: readonly Middleware[]
  readonly surroundings: Surroundings
  readonly container: DependencyContainer
  readonly sender: Sender
  readonly queues: Readonly<Record<string, QueueSettings>>
  readonly pump: WorkflowPump | undefined
}

/**
 * Starts in order: store, middlewares. Stops in reverse: what is being sent, middlewares, process
 * dependencies, store; each part is stopped whatever the others do. A start that failed may be tried
 * again; a stop is for good.
 */
export class LifeCycle {
  readonly #parts: LifeCycleParts
  #starting: Promise<void> | undefined
  #started = false
  #stopping: Promise<void> | undefined
  readonly #startedMiddlewares: Middleware[] = []
  readonly #sources = new Set<ScheduleSource>()

  constructor(parts: LifeCycleParts) {
    this.#parts = parts
  }

  /** Whether all has been started, and nothing is being stopped: then nobody has to wait for {@link start}. */
  get isStarted(): boolean {
    return this.#started && this.#stopping === undefined
  }

  start(): Promise<void> {
    if (this.#stopping !== undefined) {
      return Promise.reject(new NotStartedError('this broker was stopped: make a new one.'))
    }
    this.#starting ??= this.#start().catch((error: unknown) => {
      this.#starting = undefined
      throw error
    })
    return this.#starting
  }

  /** Opens a schedule source, which is closed with the rest. */
  async openSource(source: ScheduleSource): Promise<void> {
    await this.start()
    this.#sources.add(source)
    await source.start(this.#parts.surroundings)
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async #start(): Promise<void> {
    const { transport, results, middlewares, surroundings, queues, pump } = this.#parts
    await transport.start()
    await results.start()
    pump?.start()
    const settings = Object.entries(queues).filter(([, { cap }]) => cap !== undefined)
    if (settings.length > 0) await transport.configureQueues(Object.fromEntries(settings))
    for (const middleware of middlewares) {
      if (this.#startedMiddlewares.includes(middleware)) continue
      await middleware.start?.(surroundings)
      this.#startedMiddlewares.push(middleware)
    }
    this.#started = true
  }

  async #stop(): Promise<void> {
    const { transport, results, container, sender, surroundings, pump } = this.#parts
    const errors: unknown[] = []
    const step = async (work: () => void | Promise<void> | undefined): Promise<void> => {
      try {
        await work()
      } catch (error) {
        errors.push(error)
      }
    }
    await step(async () => this.#starting)
    await step(() => sender.idle())
    for (const middleware of this.#startedMiddlewares.splice(0).reverse()) {
      await step(() => middleware.stop?.())
    }
    await step(() => container.close())
    for (const source of this.#sources) await step(() => source.stop())
    await step(() => pump?.idle())
    await step(() => results.stop())
    await step(() => transport.stop())
    for (const error of errors)
      surroundings.logger.error('the broker could not stop a part', { error })
  }
}
