/**
 * What every codec does around its format: whatever goes wrong while something is written or read
 * comes out as one of the errors of the contract, and says what it was.
 */
import { DataNotPlainError, MalformedMessageError, PayloadTooLargeError } from '../core/errors.ts'
import type { DataLimits } from './data-limits.ts'

/** What is written or read, for error messages. */
export type What = 'message' | 'result' | 'progress'

/** @throws DataNotPlainError, PayloadTooLargeError and nothing else. */
export function encoding<T>(what: What, write: () => T): T {
  try {
    return write()
  } catch (error) {
    if (error instanceof DataNotPlainError || error instanceof PayloadTooLargeError) throw error
    // A getter or a proxy of the user's threw.
    throw new DataNotPlainError(`the ${what} holds data that cannot be read.`, { cause: error })
  }
}

/** @throws MalformedMessageError that says what it should have been. */
export function decoding<T>(what: What, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof MalformedMessageError)) throw error
    throw new MalformedMessageError(`this is not a ${what}: ${error.message}`, {
      cause: error.cause,
    })
  }
}

/** The error for what has become too large. */
export function tooManyBytes(what: What, limits: DataLimits): PayloadTooLargeError {
  return new PayloadTooLargeError(
    `the ${what} is larger than the limit of ${limits.maxBytes} bytes. Store large data elsewhere and send where it is.`,
  )
}
