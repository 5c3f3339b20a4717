/**
 * The closed list of error codes. Each has an entry in `docs/reference/errors.md` (a test holds
 * the two together), so that a code found in a log leads to what to do.
 */
export type ErrorCode =
  | 'INVALID_INPUT'
  | 'DEFINITION'
  | 'DATA_NOT_PLAIN'
  | 'PAYLOAD_TOO_LARGE'
  | 'MALFORMED_MESSAGE'
  | 'UNSUPPORTED'
  | 'QUEUE_FULL'
  | 'SEND_FAILED'
  | 'CONFLICT'
  | 'STORE'
  | 'STORE_FULL'
  | 'RESULT_TIMEOUT'
  | 'TASK_FAILED'
  | 'TASK_CANCELLED'
  | 'TASK_DEAD'
  | 'TASK_TIMEOUT'
  | 'TASK_REJECTED'
  | 'NON_RETRYABLE'
  | 'RETRY_REQUESTED'
  | 'LEASE_LOST'
  | 'LOCKED'
  | 'LOCK_LOST'
  | 'TASK_SKIPPED'
  | 'RATE_LIMITED'
  | 'TRANSACTION'
  | 'DEPENDENCY'
  | 'NOT_STARTED'
  | 'MODULE_LOAD'

/**
 * The root of every error that Taskwright throws. `code` is stable, `message` says what happened
 * and what to do, `cause` is kept. Compare by `code` (or with {@link isTaskwrightError}) where two
 * copies of the package may be loaded.
 */
export class TaskwrightError extends Error {
  readonly code: ErrorCode
  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
    this.name = new.target.name
  }
}

/** Whether a value is an error of ours, also of another copy of this package. */
export function isTaskwrightError(error: unknown, code?: ErrorCode): error is TaskwrightError {
  return (
    error instanceof Error &&
    'code' in error &&
    typeof error.code === 'string' &&
    (code === undefined ? error instanceof TaskwrightError : error.code === code)
  )
}

/** A value given to an API of ours is wrong: a bad duration, an unknown option, a wrong argument. */
export class InvalidInputError extends TaskwrightError {
  /** What each failed check said, when the value was checked by a schema. */
  readonly issues: readonly string[]
  constructor(message: string, options?: { cause?: unknown; issues?: readonly string[] }) {
    super('INVALID_INPUT', message, options)
    this.issues = options?.issues ?? []
  }
}

/** A task, dependency or broker was defined in a way that cannot work. */
export class DefinitionError extends TaskwrightError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('DEFINITION', message, options)
  }
}

/** A value cannot travel: it is outside the data table (a Map, a class instance, a cycle, NaN…). */
export class DataNotPlainError extends TaskwrightError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('DATA_NOT_PLAIN', message, options)
  }
}

/** A message or result is larger than the limit of the codec or the transport. */
export class PayloadTooLargeError extends TaskwrightError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('PAYLOAD_TOO_LARGE', message, options)
  }
}

/** Stored bytes are not a message or a result: truncated, wrong type, nested too deep, `__proto__`. */
export class MalformedMessageError extends TaskwrightError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('MALFORMED_MESSAGE', message, options)
  }
}

/** The engine in use cannot do this, and it is not silently approximated. */
export class UnsupportedError extends TaskwrightError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('UNSUPPORTED', message, options)
  }
}

/** The queue has reached its cap; nothing of the call was stored. */
export class QueueFullError extends TaskwrightError {
  readonly queue: string
  readonly cap: number
  constructor(queue: string, cap: number) {
    super(
      'QUEUE_FULL',
      `queue '${queue}' is full (${cap} messages wait). Send later, raise its cap, or set whenFull: 'wait'.`,
    )
    this.queue = queue
    this.cap = cap
  }
}

/** Another message of the same task and unique key waits or runs; nothing was sent. */
export class ConflictError extends TaskwrightError {
  /** The id of the other message. */
  readonly existingId: string
  constructor(task: string, existingId: string) {
    super('CONFLICT', `task '${task}' was not sent: message ${existingId} has the same unique key.`)
    this.existingId = existingId
  }
}

/** A message could not be handed to the store; `cause` says why. Sending again with the same id is safe. */
export class SendFailedError extends TaskwrightError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('SEND_FAILED', message, options)
  }
}

/** The store answered with an error, or its file is not what it should be (corrupt, newer, deleted…). */
export class StoreError extends TaskwrightError {
  /** Whether the same call may succeed later without anything being mended (a busy file). */
  readonly transient: boolean
  constructor(
    message: string,
    options?: { cause?: unknown; transient?: boolean; code?: 'STORE' | 'STORE_FULL' },
  ) {
    super(options?.code ?? 'STORE', message, options)
    this.transient = options?.transient ?? false
  }
}

/** No result came within the given time. The task may still be waiting or running. */
export class ResultTimeoutError extends TaskwrightError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('RESULT_TIMEOUT', message, options)
  }
}

/**
 * The task failed for good. `cause` is the error of the worker, rebuilt from data: an `Error` with
 * the remote name, message, stack and its own cause chain. No class is looked up by name.
 */
export class TaskFailedError extends TaskwrightError {
  readonly taskId: string
  constructor(taskId: string, cause: Error) {
    super('TASK_FAILED', `task ${taskId} failed: ${cause.name}: ${cause.message}`, { cause })
    this.taskId = taskId
  }
}

/** The task was cancelled; `reason` is what the canceller gave. */
export class TaskCancelledError extends TaskwrightError {
  readonly reason: string
  constructor(reason: string, options?: { cause?: unknown }) {
    super('TASK_CANCELLED', `the task was cancelled: ${reason}`, options)
    this.reason = reason
  }
}

/** The message never got a fair run and lies in the dead letters (poison, expired, malformed, unknown, rejected). */
export class TaskDeadError extends TaskwrightError {
  readonly reason: string
  constructor(reason: string, detail: string, options?: { cause?: unknown }) {
    super('TASK_DEAD', `the message was set aside (${reason}): ${detail}`, options)
    this.reason = reason
  }
}

/** The handler ran longer than its timeout. */
export class TaskTimeoutError extends TaskwrightError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('TASK_TIMEOUT', message, options)
  }
}

/** Thrown by `ctx.reject(reason)`: the message is set aside without a retry. */
export class TaskRejectedError extends TaskwrightError {
  constructor(reason: string) {
    super('TASK_REJECTED', reason)
  }
}

/** Thrown by a handler to fail at once, whatever retries are left. Wrap the real error as `cause`. */
export class NonRetryableError extends TaskwrightError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('NON_RETRYABLE', message, options)
  }
}

/** Thrown by `ctx.retry()`: end this run and run again later. Catching it and going on is a mistake. */
export class RetryRequestedError extends TaskwrightError {
  /** Milliseconds until the next run; `undefined` leaves it to the task's backoff. */
  readonly delay: number | undefined
  constructor(delay: number | undefined, options?: { cause?: unknown }) {
    super('RETRY_REQUESTED', 'the task asked to be run again', options)
    this.delay = delay
  }
}

/** This worker no longer holds the delivery: its lease ended or somebody settled it. Nothing was written. */
export class LeaseLostError extends TaskwrightError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('LEASE_LOST', message, options)
  }
}

/** Somebody else holds the lock, and did so for as long as was waited. */
export class LockedError extends TaskwrightError {
  readonly key: string
  constructor(key: string, options?: { cause?: unknown }) {
    super('LOCKED', `'${key}' is locked by somebody else.`, options)
    this.key = key
  }
}

/** A lock was not extended in time: somebody else may hold it now. */
export class LockLostError extends TaskwrightError {
  readonly key: string
  constructor(key: string, options?: { cause?: unknown }) {
    super(
      'LOCK_LOST',
      `the lock '${key}' was not extended in time: somebody else may hold it now. Stop, and give it a longer ttl.`,
      options,
    )
    this.key = key
  }
}

/** Ends a run as cancelled without a retry: there is nothing to do. Thrown by `ctx.lock` with `ifLocked: 'skip'`. */
export class TaskSkippedError extends TaskwrightError {
  constructor(reason: string, options?: { cause?: unknown }) {
    super('TASK_SKIPPED', reason, options)
  }
}

/** A rate allows it only later than was to be waited; nothing was taken. */
export class RateLimitedError extends TaskwrightError {
  /** Milliseconds that it would have taken; Infinity where it can never go. */
  readonly wait: number
  constructor(name: string, wait: number) {
    super(
      'RATE_LIMITED',
      wait === Infinity
        ? `limit '${name}' never allows so much at once.`
        : `limit '${name}' allows it in ${Math.ceil(wait)} ms, not before.`,
    )
    this.wait = wait
  }
}

/** A user's transaction cannot be used: not open, another file, another library, or not committed. */
export class TransactionError extends TaskwrightError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('TRANSACTION', message, options)
  }
}

/** A dependency failed to be made or torn down; `cause` is its error. */
export class DependencyError extends TaskwrightError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('DEPENDENCY', message, options)
  }
}

/** Something was used before `start()` or after `stop()`. */
export class NotStartedError extends TaskwrightError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('NOT_STARTED', message, options)
  }
}

/** A module of the user could not be loaded; the message names file, line and the mend. */
export class ModuleLoadError extends TaskwrightError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('MODULE_LOAD', message, options)
  }
}
