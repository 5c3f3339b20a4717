import type { Timer } from '../core/clock.ts'
import { TaskTimeoutError, TransactionError, UnsupportedError } from '../core/errors.ts'
import { failpoint } from '../core/failpoint.ts'
import type { Message } from '../core/message.ts'
import type { Middleware } from '../core/middleware.ts'
import { readNodeId, type NodePlace } from '../core/node-id.ts'
import type { SettleStatus } from '../core/settlement.ts'
import type { NodeValue } from '../core/workflow-store.ts'
import { fromTravel, type HandlerArguments } from '../broker/arguments.ts'
import { numberLabel } from '../broker/check-labels.ts'
import type { Ending } from '../broker/finish.ts'
import { isExpansion, putExpansion, type Expansion } from '../broker/canvas/expansion.ts'
import { readValue } from '../broker/canvas/read-value.ts'
import { admit, type Admitted, type AdmissionOptions, type Runnable } from './admission.ts'
import { cancelledEnding, failedRunEnding, succeededEnding } from './endings.ts'
import { calledWith, fetchArguments, mustFetch } from './fetch-arguments.ts'
import { throughExecuteHooks } from './execute-hooks.ts'
import type { Patience } from './patience.ts'
import { checkRate } from './rate-check.ts'
import type { Run, WorkEnd } from './run.ts'
import { RunContext } from './run-context.ts'
import type { StartCheck } from './start-check.ts'

/** What is to be done with a delivery after its run. */
export type RunEnd =
  /** Settle it so. */
  | { readonly kind: 'settle'; readonly ending: Ending; readonly seconds: number }
  /** Give it back: it did not end by itself. */
  | { readonly kind: 'give-back' }
  /** Nothing: `ctx.commit` settled it in the user's own transaction. */
  | { readonly kind: 'committed'; readonly seconds: number }
  /** Nothing: it is not ours any more. */
  | { readonly kind: 'lost' }

/** What an {@link Executor} needs, and whom it tells. */
export interface ExecutorOptions extends AdmissionOptions {
  readonly lease: number
  readonly grace: number
  readonly patience: Patience
  readonly startCheck: StartCheck
  /** Early acknowledgement of a message that is about to run; absent: it is settled after its run. */
  readonly acknowledge?: ((run: Run) => Promise<SettleStatus>) | undefined
  readonly onStart: (run: Run) => void
  readonly onStuck: (run: Run, seconds: number) => void
  /** Called once for each run, perhaps before `execute` returns: what is to be done with its delivery. */
  readonly onEnd: (run: Run, end: RunEnd) => void
  /** Called instead of `onEnd` when the store was given up on, or something is wrong in here. */
  readonly onFailure: (run: Run, error: unknown) => void
}

/**
 * Runs one delivery: looks whether it may run at all, runs middlewares, dependencies and handler
 * under its timeout, and says how it ended. Whatever the user's code does, every way out is a
 * {@link RunEnd}; only a store that is given up on is a failure.
 *
 * Callbacks instead of promises: this is on the way of every task, where each promise counts, twice
 * where async hooks are on.
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

  execute(run: Run): void {
    const { onEnd, onFailure } = this.#options
    let admitted: Admitted
    try {
      admitted = admit(run, this.#options)
      failpoint('run.admitted')
    } catch (error) {
      return onFailure(run, error)
    }
    if ('ending' in admitted) {
      return onEnd(run, { kind: 'settle', ending: admitted.ending, seconds: 0 })
    }
    if (admitted.task.rate === undefined) return this.#go(run, admitted)
    // The key of a rate may be made of the arguments.
    this.#withArguments(run, admitted, () => this.#rated(run, admitted))
  }

  #rated(run: Run, admitted: Runnable): void {
    const { onEnd, onFailure } = this.#options
    checkRate(this.#options.runtime, run, admitted).then(
      (verdict) =>
        'ending' in verdict
          ? onEnd(run, { kind: 'settle', ending: verdict.ending, seconds: 0 })
          : this.#go(run, verdict.runnable),
      (error: unknown) => onFailure(run, error),
    )
  }

  /** It may run: a step of a workflow after its run was asked, others after an early acknowledgement. */
  #go(run: Run, runnable: Runnable): void {
    const place = placeOf(runnable)
    if (place !== undefined) return this.#checkStep(run, runnable, place)
    this.#withArguments(run, runnable, () => this.#goAlone(run, runnable))
  }

  #goAlone(run: Run, runnable: Runnable): void {
    const { acknowledge, onFailure } = this.#options
    if (acknowledge === undefined) return this.#start(run, runnable)
    acknowledge(run).then(
      (status) => this.#acknowledged(run, runnable, status),
      (error: unknown) => onFailure(run, error),
    )
  }

  /** Goes on when the arguments of a message are there: at once, unless they are kept apart from it. */
  #withArguments(run: Run, runnable: Runnable, go: () => void): void {
    if (!mustFetch(run, runnable)) return go()
    const { onEnd, onFailure } = this.#options
    fetchArguments(this.#options, run, runnable).then(
      (ending) =>
        ending === undefined ? go() : onEnd(run, { kind: 'settle', ending, seconds: 0 }),
      (error: unknown) => onFailure(run, error),
    )
  }

  /** A step of a workflow: whether it may run, and with what, its run says. Never acknowledged early. */
  #checkStep(run: Run, runnable: Runnable, place: NodePlace): void {
    const { runtime, startCheck, onEnd, onFailure } = this.#options
    const { message, task } = runnable
    startCheck.ask(
      { place, known: run.delivery.start },
      (answer) => {
        if (answer.start) {
          run.source = answer.source ?? undefined
          const { input } = answer
          return this.#withArguments(run, runnable, () => this.#start(run, runnable, input))
        }
        const about = { delivery: run.delivery, message, task }
        const ending = cancelledEnding(about, answer.reason)
        runtime.surroundings.logger.info('a step of a workflow is not wanted any more', {
          task: message.task,
          id: message.id,
          reason: answer.reason,
        })
        onEnd(run, { kind: 'settle', ending, seconds: 0 })
      },
      (error) => onFailure(run, error),
    )
  }

  #acknowledged(run: Run, admitted: Runnable, status: SettleStatus): void {
    const { onEnd, onFailure } = this.#options
    try {
      failpoint('run.acknowledged')
    } catch (error) {
      return onFailure(run, error)
    }
    if (status !== 'settled') return onEnd(run, unacknowledged(run, admitted, status))
    run.acknowledged = true
    this.#start(run, admitted)
  }

  #start(run: Run, admitted: Runnable, input?: NodeValue): void {
    const { runtime, grace, onStart, onFailure } = this.#options
    try {
      onStart(run)
      failpoint('run.started')
    } catch (error) {
      return onFailure(run, error)
    }
    run.startedAt = runtime.surroundings.clock.monotonic()
    const timer = this.#armTimeout(run, admitted)
    let work: unknown
    try {
      work = this.#run(run, calledWith(run, admitted), input)
    } catch (error) {
      // What throws at once ends as what rejects later does.
      work = Promise.reject(error)
    }
    run.watch(work, admitted.task.grace ?? grace, (end) => {
      timer?.cancel()
      // A stuck handler may still be at work: what it holds ends by time.
      if (run.locks === undefined || end.kind === 'stuck') this.#ended(run, admitted, { end, work })
      else void run.locks.release().then(() => this.#ended(run, admitted, { end, work }))
    })
  }

  #ended(run: Run, { message, task }: Runnable, { end, work }: { end: WorkEnd; work: unknown }) {
    const { runtime, onStuck, onEnd, onFailure } = this.#options
    let verdict: RunEnd
    // A failpoint that throws, and whatever else is wrong here, must end the run too.
    try {
      failpoint('run.ended')
      const seconds = (runtime.surroundings.clock.monotonic() - run.startedAt) / 1000
      if (end.kind === 'stuck') {
        onStuck(run, seconds)
        this.#watchStuck(run, work)
      }
      const judged = { message, task, seconds, end }
      if (end.kind === 'returned' && isExpansion(end.value) && run.interruption === undefined) {
        this.#expand(run, judged, end.value).then(
          (found) => onEnd(run, found),
          (error: unknown) => onFailure(run, error),
        )
        return
      }
      if (run.committed) {
        this.#judgeCommitted(run, judged).then(
          (found) => onEnd(run, found),
          (error: unknown) => onFailure(run, error),
        )
        return
      }
      verdict = this.#verdict(run, judged)
    } catch (error) {
      return onFailure(run, error)
    }
    onEnd(run, verdict)
  }

  #watchStuck({ taskName, delivery }: Run, work: unknown): void {
    const { logger } = this.#options.runtime.surroundings
    const tell = (): void =>
      logger.warn('a stuck task has ended after its slot was freed', {
        task: taskName,
        id: delivery.id,
      })
    Promise.resolve(work).then(tell, tell)
  }

  #armTimeout(run: Run, { message, task }: Runnable): Timer | undefined {
    // A label that is no time says nothing: the task's own timeout holds.
    const label = numberLabel(message.labels['timeout']) ?? 0
    const ms = label > 0 ? Math.max(1, Math.round(label * 1000)) : task.timeout
    if (ms === undefined) return undefined
    return this.#options.runtime.surroundings.clock.after(ms, () =>
      run.interrupt({
        kind: 'timeout',
        error: new TaskTimeoutError(`task '${task.name}' ran longer than its timeout of ${ms} ms`),
      }),
    )
  }

  /** Middlewares around dependencies and handler: a value, or a promise of one. */
  #run(run: Run, about: Runnable, input: NodeValue | undefined): unknown {
    const handle = (): unknown =>
      input === undefined ? this.#handle(run, about) : this.#handleInput(run, about, input)
    if (this.#hooks.length === 0) return handle()
    const execution = {
      message: about.message,
      queue: run.delivery.queue,
      attempt: run.attempt,
      redeliveries: run.delivery.redeliveries,
      get signal() {
        return run.signal
      },
    }
    return throughExecuteHooks(execution, this.#hooks, async () => handle())
  }

  /** With the result of the step before it as its first argument. The message itself stays as it is, for a retry. */
  async #handleInput(run: Run, about: Runnable, input: NodeValue): Promise<unknown> {
    const { message, task } = about
    const { runtime } = this.#options
    const value = await readValue(runtime, readNodeId(message.id)?.run ?? '', input)
    return this.#handle(run, { task, message: { ...message, args: [value, ...message.args] } })
  }

  #handle(run: Run, about: Runnable): unknown {
    const { message, task } = about
    const plain = task.isolate === undefined && task.input === undefined
    if (plain && hasNone(message.kwargs))
      return this.#call(run, about, { positional: message.args, input: undefined })
    return this.#handleBound(run, about)
  }

  /** In a thread or process of its own, or with arguments that are bound or parsed first. */
  async #handleBound(run: Run, about: Runnable): Promise<unknown> {
    const { runtime } = this.#options
    const { message, task } = about
    if (task.isolate !== undefined) {
      const context = new RunContext({ runtime, run, task, message, input: undefined })
      // Loaded when it is needed: threads and child processes cost every import of the package.
      const { runIsolated } = await import('./isolated-run.ts')
      return runIsolated({ runtime, task, message, context })
    }
    return this.#call(run, about, await fromTravel(task, message))
  }

  #call(run: Run, { message, task }: Runnable, { positional, input }: HandlerArguments): unknown {
    const { runtime } = this.#options
    const { handler, deps } = task
    failpoint('run.arguments')
    const call = (args: readonly unknown[]): unknown => {
      failpoint('run.dependencies')
      // Cancelled or stopped while its dependencies were made: a run that has not begun does not begin.
      if (run.interruption !== undefined) throw run.interruption.error
      return runtime.lineage.runMessage(message, () => handler(...args))
    }
    if (deps === undefined) return call(positional)
    return runtime.container.use({
      context: new RunContext({ runtime, run, task, message, input }),
      body: async (scope) => call([await scope.resolve(deps), ...positional]),
      onTearDownError: (error) =>
        runtime.surroundings.logger.error('a dependency failed to be torn down', {
          task: task.name,
          id: message.id,
          error,
        }),
    })
  }

  /** The steps that a handler returned are stored; those that cannot be are the handler's failure. */
  async #expand(run: Run, of: JudgedRun, expansion: Expansion): Promise<RunEnd> {
    const { runtime, patience } = this.#options
    const { message, task, seconds } = of
    const about = { delivery: run.delivery, message, task }
    const place = placeOf(of)
    try {
      if (place === undefined)
        throw new UnsupportedError('ctx.expand: this is no step of a workflow.')
      const graft = await patience.insist(() => putExpansion(runtime, expansion, place))
      const ending = { ...succeededEnding(about, undefined, seconds), graft }
      return { kind: 'settle', ending, seconds }
    } catch (error) {
      return this.#verdict(run, { ...of, end: { kind: 'threw', error } })
    }
  }

  async #judgeCommitted(run: Run, of: JudgedRun): Promise<RunEnd> {
    if (await this.#isCommitted(run)) return { kind: 'committed', seconds: of.seconds }
    const error = new TransactionError(
      'ctx.commit was called, but its transaction was not committed when the handler ended.',
    )
    return this.#verdict(
      run,
      of.end.kind === 'threw' ? of : { ...of, end: { kind: 'threw', error } },
    )
  }

  #verdict(run: Run, { message, task, seconds, end }: JudgedRun): RunEnd {
    const { interruption } = run
    const about = { delivery: run.delivery, message, task }
    if (interruption?.kind === 'lost') return { kind: 'lost' }
    if (interruption?.kind === 'cancelled') {
      const ending = cancelledEnding(about, interruption.error.reason, seconds)
      return { kind: 'settle', ending, seconds }
    }
    if (interruption?.kind === 'shutdown' && end.kind !== 'returned') return { kind: 'give-back' }
    const failure =
      interruption?.kind === 'timeout' ? interruption : end.kind === 'threw' ? end : undefined
    const ending =
      failure === undefined
        ? succeededEnding(about, end.kind === 'returned' ? end.value : undefined, seconds)
        : failedRunEnding(this.#options.runtime, about, { error: failure.error, seconds })
    return { kind: 'settle', ending, seconds }
  }

  /** A commit inside the user's transaction removes our claim: if it is still there, it was not committed. */
  async #isCommitted(run: Run): Promise<boolean> {
    const { runtime, lease, patience } = this.#options
    const { lost } = await patience.insist(() => runtime.transport.extend([run.delivery], lease))
    failpoint('run.committed')
    return lost.length > 0
  }
}

/** A run whose work is over, or stuck. */
interface JudgedRun extends Runnable {
  readonly seconds: number
  readonly end: WorkEnd
}

/** The place of a message in a workflow; `undefined` where it is no step of one. */
function placeOf({ message }: Runnable): NodePlace | undefined {
  return message.labels['tw_run'] === undefined ? undefined : readNodeId(message.id)
}

function hasNone(kwargs: Message['kwargs']): boolean {
  for (const _name in kwargs) return false
  return true
}

/** Cancelled, or lost, just before it was acknowledged: it does not run. */
function unacknowledged(run: Run, { message, task }: Runnable, status: SettleStatus): RunEnd {
  if (status !== 'cancelled') return { kind: 'lost' }
  const about = { delivery: run.delivery, message, task }
  return { kind: 'settle', ending: cancelledEnding(about, 'cancelled before it ran'), seconds: 0 }
}
