import { isTaskwrightError, type ErrorCode } from '../core/errors.ts'

const refusals: readonly ErrorCode[] = [
  'QUEUE_FULL',
  'INVALID_INPUT',
  'DATA_NOT_PLAIN',
  'PAYLOAD_TOO_LARGE',
  'UNSUPPORTED',
]

/**
 * Whether a store refused what it was given, as opposed to being away: that is one message's fault, not
 * its neighbours', and asking again the same way is no use.
 */
export function isRefusal(error: unknown): boolean {
  return refusals.some((code) => isTaskwrightError(error, code))
}
