import type { Duration } from './duration.ts'
import type { HeldLock, LockOptions } from './held-lock.ts'
import type { Labels } from './labels.ts'
import type { Logger } from './logger.ts'
import type { RateLimit } from './rate-limit.ts'
import type { NoInput, Step } from './step.ts'

/** How a task takes a lock. */
export interface TaskLockOptions extends LockOptions {
  /**
   * What to do while somebody else holds it. `wait` (default): wait for it, at most `wait`, then throw
   * `LockedError`. `fail`: throw `LockedError` at once, which the retry policy sees. `skip`: end the task
   * as cancelled, without a retry. Both take `wait` too, and wait first.
   */
  readonly ifLocked?: 'wait' | 'fail' | 'skip' | undefined
}

/** What a handler (or a dependency of it) may know and do about the run that it belongs to. */
export interface TaskContext {
  readonly taskId: string
  readonly taskName: string
  readonly queue: string
  /** 1 for the first run; one more after each failed run. Lost leases do not count here. */
  readonly attempt: number
  /** How often a lease of this message ended without an answer, before this run. */
  readonly redeliveries: number
  readonly labels: Labels
  /** The positional arguments; empty for a task with `input`. */
  readonly args: readonly unknown[]
  /** The parsed input of a task with `input`; `undefined` otherwise. */
  readonly input: unknown
  /** The message that sent this one, and the first of that line. */
  readonly parentId: string | undefined
  readonly rootId: string | undefined
  /** Aborts on timeout, cancel, a lost lease, and at the end of a shutdown's patience; `reason` says which. */
  readonly signal: AbortSignal
  /** The run of the workflow that this task is a step of; `undefined` for a message by itself. */
  readonly runId: string | undefined
  /** Adds task name, id and attempt to every line. */
  readonly logger: Logger
  /**
   * Stores how far the task is; the caller reads it by `handle.progress()`. Refused (and the promise
   * rejects with `LeaseLostError`) when this worker does not hold the message any more.
   */
  progress(state: string, meta?: unknown): Promise<void>
  /**
   * Ends this run and asks for another, after `delay` or the task's backoff. Uses up a retry. Throws
   * always: `throw ctx.retry()` and `ctx.retry()` are the same.
   */
  retry(options?: { delay?: Duration | undefined; cause?: unknown }): never
  /** Ends the task: no retry, the message is set aside as `rejected` with this reason. Throws always. */
  reject(reason: string): never
  /**
   * Takes a lock over all processes on this store. It is extended while the event loop turns, and given
   * back when the run ends, if not before.
   *
   * @throws LockedError, TaskSkippedError as `ifLocked` says; UnsupportedError where the transport keeps no locks.
   */
  lock(key: string, options?: TaskLockOptions): Promise<HeldLock>
  /**
   * A rate of the broker's `limits`, over all processes: for calls to a third party. With `key`: of that key.
   * Waiting for it ends when the run is aborted.
   * @throws InvalidInputError, UnsupportedError
   */
  limit(name: string, key?: string): RateLimit
  /**
   * Runs `step` once for this message: its value is kept, and later attempts get it without running it
   * again. A step that throws is not kept. A worker that dies between the end of the step and the moment
   * its value is stored runs it again: make its own effects repeatable too.
   */
  once<T>(key: string, step: () => T | Promise<T>): Promise<T>
  /**
   * Finishes the task with `value` inside the user's own open transaction, so that its effects and
   * the end of the task are one commit (exactly once). Call it last, before COMMIT. On SQLite the
   * work is done, or has thrown, when the call returns.
   *
   * @throws UnsupportedError where the transport has no user transactions.
   * @throws LeaseLostError, TransactionError so that the transaction rolls back.
   */
  commit(transaction: unknown, value?: unknown): void | Promise<void>
  /**
   * Other steps in the place of this one: return what it returns, and the value of this step becomes
   * theirs. They are stored when the handler ends, in the step that ends its message; the handler is
   * not run again for them.
   *
   * @throws UnsupportedError when this task is no step of a workflow, or runs isolated.
   */
  expand<O>(steps: Step<NoInput, O>): O
  /** {@link expand}, for one step that takes over (Celery's `self.replace`). */
  replace<O>(step: Step<NoInput, O>): O
  /**
   * The values of the step before this one, one after the other: of a group, one for each of its steps.
   * They are read page by page, so that not all of a wide fan-out has to be in memory. Also for a
   * step made by `.si(…)`.
   *
   * @throws UnsupportedError when this task is no step of a workflow, or runs isolated.
   */
  inputs(): AsyncIterable<unknown>
}
