import type { Duration } from '../core/duration.ts'
import type { Progress, TaskResult } from '../core/result.ts'
import type { TaskStatus } from '../core/states.ts'
import type { SendConflict } from './unique-policy.ts'

/** How long to wait, at most, and what else ends the wait. */
export interface WaitOptions {
  /** Default: as long as it takes. */
  timeout?: Duration | undefined
  signal?: AbortSignal | undefined
}

/** What else is cancelled. */
export interface CancelOptions {
  /** The messages that this one sent, and those that they sent. Default false. */
  readonly children?: boolean | undefined
}

/** A message that was sent: ask it for its result. Any process can make one with `broker.handle(id)`. */
export interface TaskHandle<out R> {
  readonly taskId: string
  /** True when a message or result of this id, or a message of the same unique key, was there: nothing new was stored. */
  readonly isDuplicate: boolean
  /** What another message of the same unique key had to do with it; `undefined` where there was none. */
  readonly conflict: SendConflict | undefined
  /**
   * The value of the task.
   *
   * @throws TaskFailedError with the remote error as `cause`; TaskCancelledError; TaskDeadError;
   * ResultTimeoutError when the time is up (the task may still run); UnsupportedError for a task that
   * keeps no results.
   */
  result(options?: WaitOptions): Promise<R>
  /** The whole outcome, failures included. @throws ResultTimeoutError, UnsupportedError as above. */
  waitResult(options?: WaitOptions): Promise<TaskResult<R>>
  /** Where the message is now; `null` when neither message nor result is kept (any more). */
  status(): Promise<TaskStatus | null>
  /** What the task last said of its progress; `null` when it said nothing. */
  progress(): Promise<Progress | null>
  /**
   * Cancels the message wherever it is. True when it will not succeed any more by itself: it waited
   * and is gone, or runs and is being aborted (whatever it returns is refused). False when it had
   * ended. Durable: no run starts after this has resolved. With `children` also what it sent, and what that
   * sent, as far as it waits or runs now.
   */
  cancel(reason?: string, options?: CancelOptions): Promise<boolean>
}
