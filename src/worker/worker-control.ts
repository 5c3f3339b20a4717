import type { Timer } from '../core/clock.ts'
import type { ControlAnswer, ControlMessage } from '../core/control-channel.ts'
import { pausedIn, type Paused } from '../broker/control.ts'
import type { BrokerRuntime } from '../broker/runtime.ts'

/** Milliseconds between two looks at the settings, whatever was or was not heard. */
const lookEvery = 2000

/** What a {@link WorkerControl} can do to its worker. */
export interface ControlledWorker {
  readonly name: string
  stats(): object
  active(): readonly object[]
  registered(): readonly string[]
  scale(to: {
    readonly concurrency?: number | undefined
    readonly prefetch?: number | undefined
  }): void
  shutdown(timeout: number | undefined): void
  pause(what: Paused): void
  cancel(ids: readonly string[], reason: string): void
}

/** Hears what is said to a worker, and follows the settings of all. */
export class WorkerControl {
  readonly #runtime: BrokerRuntime
  readonly #worker: ControlledWorker
  #stopListening: (() => Promise<void>) | undefined
  #timer: Timer | undefined
  #stopped = false

  constructor(runtime: BrokerRuntime, worker: ControlledWorker) {
    this.#runtime = runtime
    this.#worker = worker
  }

  /** Begins; what is paused is known before it resolves. Without a control channel nothing is done. */
  async start(): Promise<void> {
    const { control } = this.#runtime
    if (control === undefined) return
    await this.#look()
    try {
      this.#stopListening = await control.listen((message) => this.#heard(message))
    } catch (error) {
      this.#failed(error)
    }
    this.#plan()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#timer?.cancel()
    await this.#stopListening?.().catch((error: unknown) => this.#failed(error))
  }

  #heard(message: ControlMessage): ControlAnswer | undefined {
    const { name } = this.#worker
    if (message.workers?.includes(name) === false) return undefined
    return { worker: name, body: this.#answer(message) }
  }

  #answer(message: ControlMessage): unknown {
    const worker = this.#worker
    switch (message.kind) {
      case 'ping':
        return null
      case 'stats':
        return worker.stats()
      case 'active':
        return worker.active()
      case 'registered':
        return worker.registered()
      case 'scale':
        worker.scale(message)
        return null
      case 'shutdown':
        worker.shutdown(message.timeout)
        return null
      case 'cancel':
        worker.cancel(message.ids, message.reason)
        return null
      case 'settings':
        void this.#look()
        return null
    }
  }

  #plan(): void {
    const { transport, surroundings } = this.#runtime
    // What lives in one process hears everything.
    if (this.#stopped || !transport.capabilities.shared) return
    const { clock } = surroundings
    const look = (): void => void this.#look().then(() => this.#plan())
    this.#timer = clock.after(lookEvery, look, { background: true })
  }

  async #look(): Promise<void> {
    const { control } = this.#runtime
    if (control === undefined || this.#stopped) return
    try {
      this.#worker.pause(pausedIn(await control.settings()))
    } catch (error) {
      // What was paused stays so until the store says otherwise.
      this.#failed(error)
    }
  }

  #failed(error: unknown): void {
    if (this.#stopped) return
    this.#runtime.surroundings.logger.warn('the control channel failed', { error })
  }
}
