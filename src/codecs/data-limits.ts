import { InvalidInputError } from '../core/errors.ts'

/** How large and how deep a message or result may be, the same in both directions. */
export interface DataLimits {
  /** Bytes of UTF-8. */
  readonly maxBytes: number
  /** Objects and arrays within each other, the message itself being the first. */
  readonly maxDepth: number
  /** Keys of all objects together. */
  readonly maxKeys: number
}

/** Limits of a codec as they are given. They hold in both directions: whatever was encoded can be decoded. */
export interface LimitOptions {
  /** The most bytes of a message or result. Default 4 MB. */
  maxBytes?: number | undefined
  /** The deepest nesting, the message itself counted. Default 64. */
  maxDepth?: number | undefined
  /** The most keys of all objects of a message or result together. Default 100 000. */
  maxKeys?: number | undefined
}

/** The limits of a codec that names none: 4 MB, 64 levels, 100 000 keys. */
export const defaultLimits: DataLimits = { maxBytes: 4_194_304, maxDepth: 64, maxKeys: 100_000 }

/**
 * The deepest nesting that may be asked for: data is read and written by recursion, and this depth
 * fits into the smallest stack that a thread of ours has.
 */
export const deepestNesting = 500

/**
 * The digits that an integer may have. Turning digits into a number costs more than linear time;
 * CPython draws the same line (`sys.int_info.default_max_str_digits`).
 */
export const mostDigits = 4300

const firstTooLarge = 10n ** BigInt(mostDigits)

/** Whether a bigint has at most {@link mostDigits} digits, found without writing them. */
export function hasFewDigits(value: bigint): boolean {
  return value < firstTooLarge && value > -firstTooLarge
}

/** The same for the text of a whole number, with or without a minus. */
export function isFewDigits(text: string): boolean {
  return text.length <= (text.startsWith('-') ? mostDigits + 1 : mostDigits)
}

/**
 * Fills in what was not named.
 *
 * @throws InvalidInputError when a limit is not a positive whole number, or `maxDepth` is beyond
 * {@link deepestNesting}.
 */
export function dataLimits(given: LimitOptions): DataLimits {
  const limits: DataLimits = {
    maxBytes: given.maxBytes ?? defaultLimits.maxBytes,
    maxDepth: given.maxDepth ?? defaultLimits.maxDepth,
    maxKeys: given.maxKeys ?? defaultLimits.maxKeys,
  }
  for (const [name, value] of Object.entries(limits)) {
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new InvalidInputError(`${name} must be a whole number of 1 or more, not ${value}.`)
    }
  }
  if (limits.maxDepth > deepestNesting) {
    throw new InvalidInputError(
      `maxDepth must be at most ${deepestNesting}, not ${limits.maxDepth}: deeper data cannot be read safely.`,
    )
  }
  return limits
}

/** Whether a text has more bytes of UTF-8 than allowed. Counts them only where that is in doubt. */
export function exceedsBytes(text: string, maxBytes: number): boolean {
  if (text.length > maxBytes) return true
  // A UTF-16 unit has at most three bytes.
  return text.length * 3 > maxBytes && Buffer.byteLength(text) > maxBytes
}
