import { errorData, rebuildError, type ErrorData } from '../core/error-data.ts'
import {
  TaskCancelledError,
  TaskDeadError,
  TaskFailedError,
  TaskRejectedError,
} from '../core/errors.ts'
import type { ResultRecord } from '../core/result.ts'

/**
 * The error of a cancelled message as data. The reason travels as an argument of its own, so that the
 * caller's side need not read it out of a text.
 */
export function cancelledData(reason: string): ErrorData {
  const error = new TaskCancelledError(reason)
  return { ...errorData(error), args: [error.message, reason] }
}

/**
 * The error of a message that was set aside, as data; reason and detail are arguments. A rejection is
 * what it is, so that Python's callers catch it as the exception that TaskIQ has for it.
 */
export function deadData(reason: string, detail: string): ErrorData {
  if (reason === 'rejected') return errorData(new TaskRejectedError(detail))
  const error = new TaskDeadError(reason, detail)
  return { ...errorData(error), args: [error.message, reason, detail] }
}

/** The error that the caller sees, by the state in which the task ended. The remote error is its cause. */
export function outcomeError(id: string, { status, error }: ResultRecord): Error {
  const data = error ?? { name: 'Error', message: 'the task failed without an error' }
  const cause = rebuildError(data)
  const told = (place: number): string | undefined => {
    const arg = data.args?.[place]
    return typeof arg === 'string' ? arg : undefined
  }
  if (status === 'cancelled') return new TaskCancelledError(told(1) ?? data.message, { cause })
  if (status === 'dead' && data.code === 'TASK_REJECTED')
    return new TaskDeadError('rejected', data.message, { cause })
  if (status === 'dead')
    return new TaskDeadError(told(1) ?? 'unknown', told(2) ?? data.message, { cause })
  return new TaskFailedError(id, cause)
}
