import type { Timer } from '../core/clock.ts'
import type { Delivery } from '../core/delivery.ts'
import { TaskTimeoutError, TransactionError } from '../core/errors.ts'
import type { Message } from '../core/message.ts'
import type { Execution, Middleware } from '../core/middleware.ts'
import { fromTravel } from '../broker/arguments.ts'
import type { Ending } from '../broker/finish.ts'
import type { RegisteredTask } from '../broker/registry.ts'
import type { BrokerRuntime } from '../broker/runtime.ts'
import { cancelledEnding, deadEnding, failedRunEnding, succeededEnding } from './endings.ts'
import { runIsolated } from './isolated-run.ts'
import { failedRunsOf } from './retry-decision.ts'
import type { Run } from './run.ts'
import { RunContext } from './run-context.ts'
import type { UnknownTaskPolicy } from './worker-options.ts'

/** What is to be done with a delivery after its run. */
export type RunEnd =
  /** Settle it so. */
  | { readonly kind: 'settle'; readonly ending: Ending; readonly seconds: number }
  /** Give it back: it did not end by itself. */
  | { readonly kind: 'give-back' }
  /** Nothing: it is settled already (`ctx.commit`), or not ours any more. */
  | { readonly kind: 'drop'; readonly lost: boolean }

/** What an {@link Executor} needs. */
export interface ExecutorOptions {
  readonly runtime: BrokerRuntime
  readonly unknownTask: UnknownTaskPolicy
  readonly redeliveries: number
  readonly lease: number
  readonly grace: number
  readonly onStart: (run: Run) => void
  readonly onStuck: (run: Run, seconds: number) => void
}

/** How soon a message that nobody here knows may be looked at by somebody else. */
const giveBackDelay = 2000

/** A message that may run: decoded, known, within its budget and its time. */
interface Runnable {
  readonly message: Message
  readonly task: RegisteredTask
}

/**
 * Runs one delivery: looks whether it may run at all, runs middlewares, dependencies and handler
 * under its timeout, and says how it ended. Never throws: every way out is a {@link RunEnd}.
 */
export class Executor {
  readonly #options: ExecutorOptions
  readonly #hooks: readonly Middleware[]

  constructor(options: ExecutorOptions) {
    this.#options = options
    this.#hooks = options.runtime.middlewares.filter(
      (middleware) => middleware.execute !== undefined,
    )
  }

  async execute(run: Run): Promise<RunEnd> {
    const { runtime } = this.#options
    const { clock, logger } = runtime.surroundings
    const admitted = this.#admit(run.delivery)
    if ('ending' in admitted) return { kind: 'settle', ending: admitted.ending, seconds: 0 }
    const { message, task } = admitted
    run.taskName = task.name
    run.attempt = failedRunsOf(message.labels) + 1
    this.#options.onStart(run)
    const startedAt = clock.monotonic()
    const timer = this.#armTimeout(run, admitted)
    const work = this.#run(run, { ...admitted, startedAt })
    const grace = task.grace ?? this.#options.grace
    let value: unknown
    let failure: { readonly error: unknown } | undefined
    try {
      value = await run.end(work, grace)
    } catch (error) {
      failure = { error }
    }
    timer?.cancel()
    const seconds = (clock.monotonic() - startedAt) / 1000
    if (run.stuck) {
      this.#options.onStuck(run, seconds)
      work.then(
        () =>
          logger.warn('a stuck task has ended after its slot was freed', {
            task: task.name,
            id: message.id,
          }),
        () => {},
      )
    }
    return this.#judge(run, { message, task, seconds, value, failure })
  }

  /** Whether a delivery may run; otherwise how it ends without running. */
  #admit(delivery: Delivery): Runnable | { readonly ending: Ending } {
    const { runtime, redeliveries, unknownTask } = this.#options
    let message: Message | undefined
    let malformed: unknown
    try {
      message = runtime.codec.decodeMessage(delivery.body)
    } catch (error) {
      malformed = error
    }
    const task = message === undefined ? undefined : runtime.registry.get(message.task)
    const about = { delivery, message, task }
    if (delivery.cancelled !== undefined)
      return { ending: cancelledEnding(about, delivery.cancelled) }
    if (message === undefined) {
      const why = malformed instanceof Error ? malformed.message : String(malformed)
      return { ending: deadEnding(about, 'malformed', why) }
    }
    if (delivery.redeliveries > redeliveries) {
      const times = `its lease was lost ${delivery.redeliveries} times (${redeliveries} are allowed)`
      return { ending: deadEnding(about, 'poison', `${times}: it may be what ends its workers`) }
    }
    const expires = Number(delivery.expires ?? message.labels['tw_expires'] ?? Infinity)
    if (runtime.surroundings.clock.now() > expires) {
      return {
        ending: deadEnding(
          about,
          'expired',
          `it had to start before ${new Date(expires).toISOString()}`,
        ),
      }
    }
    if (task?.handler !== undefined) return { message, task }
    return { ending: unknownEnding(about, message.task, unknownTask) }
  }

  #armTimeout(run: Run, { message, task }: Runnable): Timer | undefined {
    const label = message.labels['timeout']
    const ms = label === undefined ? task.timeout : Math.round(Number(label) * 1000)
    if (ms === undefined || !(ms > 0)) return undefined
    return this.#options.runtime.surroundings.clock.after(ms, () =>
      run.interrupt({
        kind: 'timeout',
        error: new TaskTimeoutError(`task '${task.name}' ran longer than its timeout of ${ms} ms`),
      }),
    )
  }

  /** Middlewares around dependencies and handler. */
  async #run(run: Run, about: Runnable & { startedAt: number }): Promise<unknown> {
    const { message } = about
    if (this.#hooks.length === 0) return this.#handle(run, about)
    const execution: Execution = {
      message,
      queue: run.delivery.queue,
      attempt: run.attempt,
      redeliveries: run.delivery.redeliveries,
      get signal() {
        return run.signal
      },
    }
    const at = async (index: number): Promise<unknown> => {
      const hook = this.#hooks[index]
      return hook?.execute === undefined
        ? this.#handle(run, about)
        : hook.execute(execution, () => at(index + 1))
    }
    return at(0)
  }

  async #handle(
    run: Run,
    { message, task, startedAt }: Runnable & { startedAt: number },
  ): Promise<unknown> {
    const { runtime } = this.#options
    const { handler, deps } = task
    if (handler === undefined) throw new TypeError('a remote task cannot run')
    const { positional, input } =
      task.input === undefined && Object.keys(message.kwargs).length === 0
        ? { positional: message.args, input: undefined }
        : await fromTravel(task, message)
    const line = { id: message.id, root: rootOf(message) }
    const context = (): RunContext =>
      new RunContext({ runtime, run, task, message, input, startedAt })
    if (task.isolate !== undefined) {
      const isolated = runIsolated(task, context(), positional)
      // An isolated run is not asked twice: at its timeout (or cancel, or loss) it is killed.
      run.signal.addEventListener('abort', () => isolated.kill(), { once: true })
      return isolated.end
    }
    if (deps === undefined) return runtime.lineage.run(line, () => handler(...positional))
    return runtime.container.use({
      context: context(),
      body: async (scope) => {
        const injected = await scope.resolve(deps)
        return runtime.lineage.run(line, () => handler(injected, ...positional))
      },
      onTearDownError: (error) =>
        runtime.surroundings.logger.error('a dependency failed to be torn down', {
          task: task.name,
          id: message.id,
          error,
        }),
    })
  }

  async #judge(
    run: Run,
    of: Runnable & {
      seconds: number
      value: unknown
      failure: { readonly error: unknown } | undefined
    },
  ): Promise<RunEnd> {
    const { runtime } = this.#options
    const { message, task, seconds } = of
    const { interruption } = run
    const about = { delivery: run.delivery, message, task }
    if (interruption?.kind === 'lost') return { kind: 'drop', lost: true }
    let { failure } = of
    if (run.committed) {
      const committed = await this.#isCommitted(run)
      if (committed) return { kind: 'drop', lost: false }
      failure ??= {
        error: new TransactionError(
          'ctx.commit was called, but its transaction was not committed when the handler ended.',
        ),
      }
    }
    if (interruption?.kind === 'cancelled') {
      return {
        kind: 'settle',
        ending: cancelledEnding(about, interruption.error.reason, seconds),
        seconds,
      }
    }
    if (interruption?.kind === 'shutdown' && (failure !== undefined || run.stuck))
      return { kind: 'give-back' }
    if (interruption?.kind === 'timeout') failure = { error: interruption.error }
    const ending =
      failure === undefined
        ? succeededEnding(about, of.value, seconds)
        : failedRunEnding(runtime, about, { error: failure.error, seconds })
    return { kind: 'settle', ending, seconds }
  }

  /** A commit inside the user's transaction removes our claim: if it is still there, it was not committed. */
  async #isCommitted(run: Run): Promise<boolean> {
    const { lost } = await this.#options.runtime.transport.extend(
      [run.delivery],
      this.#options.lease,
    )
    return lost.length > 0
  }
}

function rootOf(message: Message): string {
  const root = message.labels['tw_root']
  return typeof root === 'string' ? root : message.id
}

/** How a message ends whose task is not registered (or only as a remote one) here. */
function unknownEnding(
  about: { delivery: Delivery; message: Message | undefined; task: RegisteredTask | undefined },
  name: string,
  policy: UnknownTaskPolicy,
): Ending {
  const { delivery } = about
  if (policy === 'set-aside') {
    return deadEnding(
      about,
      'unknown',
      `no task '${name}' is registered in this worker: is its module loaded?`,
    )
  }
  const queue = policy === 'give-back' ? undefined : policy.forwardTo
  return {
    claim: delivery,
    outcome: {
      kind: 'retry',
      delay: queue === undefined ? giveBackDelay : 0,
      body: delivery.body,
      queue,
    },
    task: undefined,
  }
}
