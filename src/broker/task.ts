import type { Duration } from '../core/duration.ts'
import type { LineOf } from '../core/schedule-line.ts'
import type { ScheduleSource } from '../core/schedule-source.ts'
import type { ScheduleHandle } from './schedule-handle.ts'
import type { Priority } from '../core/labels.ts'
import type { BrokerIdentity } from './broker-identity.ts'
import type { Signature } from './canvas/canvas.ts'
import type { Pending, Tail } from './canvas/step.ts'
import type { ExpiryOptions } from './expiry.ts'
import type { TaskHandle } from './task-handle.ts'
import type { UserLabels } from './task-options.ts'

/** Makes plans at run time, which are kept in a source and fired by whatever scheduler reads it. */
export interface Schedulable<A extends readonly unknown[], R> {
  /**
   * Plans a task by a cron line. Resolves when the source has the plan.
   * @throws InvalidInputError for a line, a zone or arguments that cannot be; UnsupportedError for a source that
   * is written in code.
   */
  scheduleByCron(
    source: ScheduleSource,
    line: string | LineOf<'cron'>,
    ...args: A
  ): Promise<ScheduleHandle<R>>
  /** The same at an interval. */
  scheduleByInterval(
    source: ScheduleSource,
    line: Duration | LineOf<'every'>,
    ...args: A
  ): Promise<ScheduleHandle<R>>
  /** The same once, at a moment; one that has passed is sent at once. */
  scheduleByTime(
    source: ScheduleSource,
    line: Date | string | LineOf<'at'>,
    ...args: A
  ): Promise<ScheduleHandle<R>>
}

/**
 * Sends one message with other settings than the task's own. Immutable: each `with…` returns a new
 * kicker, so one may be kept and used many times.
 */
export interface Kicker<A extends readonly unknown[], R> extends Schedulable<A, R> {
  /** Adds labels; later ones win. Reserved ones (`priority`, `timeout`, `max_retries`) take effect. */
  withLabels(labels: UserLabels): Kicker<A, R>
  /** Sends under this id. The same id twice is one message: see {@link TaskHandle.isDuplicate}. */
  withTaskId(id: string): Kicker<A, R>
  withQueue(queue: string): Kicker<A, R>
  /** Not before this time from now. */
  withDelay(delay: Duration): Kicker<A, R>
  /** Not before this moment. */
  withEta(at: Date): Kicker<A, R>
  /**
   * Not after this time from now, or this moment: a message that has not started by then is set aside. With
   * `children` that holds for what it sends, too.
   */
  withExpiry(expiry: Duration | Date, options?: ExpiryOptions): Kicker<A, R>
  withPriority(priority: Priority): Kicker<A, R>
  /** How long one run of this message may take. */
  withTimeout(timeout: Duration): Kicker<A, R>
  /** Sends through another broker than the one that the task was defined with. */
  withBroker(broker: BrokerIdentity): Kicker<A, R>
  /**
   * Sends inside the user's own open transaction on the store's file: the message exists if and only
   * if it commits. Await the kiq before COMMIT.
   * @throws UnsupportedError where the transport has no user transactions; TransactionError.
   */
  withTransaction(transaction: unknown): Kicker<A, R>
  /** Sends. Resolves when the store has the message. */
  kiq(...args: A): Promise<TaskHandle<R>>
}

/** What can be sent: local and remote tasks alike. */
export interface Sendable<A extends readonly unknown[], R> extends Schedulable<A, R> {
  readonly name: string
  /**
   * Sends a message and resolves, when the store has it, with a handle.
   * @throws InvalidInputError, DataNotPlainError, PayloadTooLargeError, QueueFullError, SendFailedError
   */
  kiq(...args: A): Promise<TaskHandle<R>>
  /**
   * Sends many messages, a list of arguments each: all or nothing up to 1,000 calls, by pages of
   * 1,000 beyond that.
   */
  kiqMany(calls: Iterable<A>): Promise<TaskHandle<R>[]>
  /**
   * The message of these arguments that waits or runs, if there is one; `null` otherwise. By the key of
   * the task's `unique` (or `debounce`, `throttle`), of which it asks the store: nothing is searched.
   * @throws UnsupportedError for a task without.
   */
  pending(...args: A): Promise<TaskHandle<R> | null>
  /** A builder for one message with other labels, queue, delay… */
  kicker(): Kicker<A, R>
  /**
   * A call of this task that is not sent: a step of a workflow. Given all arguments it stands first;
   * with its first argument left open it takes the result of the step before it.
   */
  s<P extends A | Tail<A>>(...given: P): Signature<Pending<A, P>, R>
  /** The same with all arguments: the result of the step before it is not looked at. */
  si(...args: A): Signature<unknown, R>
}

/**
 * A task: a function again. The direct call runs the handler here and now: input validated,
 * dependencies resolved from the broker in a fresh task scope (overrides respected), a synthetic
 * `TaskContext`; no retries, no timeout, no middleware; always a promise.
 */
export interface Task<A extends readonly unknown[], R> extends Sendable<A, R> {
  (...args: A): Promise<R>
}

/** What `broker.task` returns: a {@link Task} that also shows its bare handler, dependencies first. */
export interface DefinedTask<A extends readonly unknown[], R, F> extends Task<A, R> {
  readonly handler: F
}
