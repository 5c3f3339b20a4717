import type { Body, Message } from './message.ts'
import type { Progress, ResultRecord } from './result.ts'

/** What a codec can keep of the data table. */
export interface CodecCapabilities {
  /** Dates, bigints and bytes arrive as what they were (otherwise as string or number, for the schema to restore). */
  readonly richTypes: boolean
  /** Whole numbers of any size travel in data; otherwise those of 64 bits (a label's are texts, and always do). */
  readonly anyInteger: boolean
  /** Texts with half of a surrogate pair travel; otherwise they are refused, since they are no UTF-8. */
  readonly anyText: boolean
}

/**
 * Turns messages, results and progress into bytes and back. Pure and synchronous: no I/O, no state
 * between calls; may be called from any thread.
 *
 * Encoding refuses what cannot travel ({@link DataNotPlainError}) or is too large
 * ({@link PayloadTooLargeError}) and changes nothing. Decoding takes bytes from anybody: it throws
 * {@link MalformedMessageError} for everything that is not one, checks size and depth before it
 * parses, refuses `__proto__`, and never resolves a name found in data.
 */
export interface Codec {
  /** A stable name, for logs and `inspect`. */
  readonly name: string
  readonly capabilities: CodecCapabilities
  /** @throws DataNotPlainError, PayloadTooLargeError */
  encodeMessage(message: Message): Body
  /** @throws MalformedMessageError */
  decodeMessage(body: Body): Message
  /** @throws DataNotPlainError, PayloadTooLargeError */
  encodeResult(result: ResultRecord): Body
  /** @throws MalformedMessageError */
  decodeResult(body: Body): ResultRecord
  /** @throws DataNotPlainError, PayloadTooLargeError */
  encodeProgress(progress: Progress): Body
  /** @throws MalformedMessageError */
  decodeProgress(body: Body): Progress
}
