import { forbiddenKeys } from '../core/data.ts'
import { MalformedMessageError } from '../core/errors.ts'
import { hasFewDigits, mostDigits, type DataLimits } from './data-limits.ts'

/**
 * Holds what a reader of a binary format makes to the limits, and to the rules of data: every number
 * and every key goes through here.
 */
export class DataReading {
  readonly #limits: DataLimits
  #depth = 0
  #keys = 0

  constructor(limits: DataLimits) {
    this.#limits = limits
  }

  /** Goes into an array or object. */
  enter(): void {
    if (++this.#depth <= this.#limits.maxDepth) return
    throw new MalformedMessageError(`it is nested deeper than ${this.#limits.maxDepth} levels.`)
  }

  leave(): void {
    this.#depth--
  }

  // A size is only believed one member at a time: each has a byte at least, so that bytes bound them.

  /** An array of so many values, which `value` reads one by one. */
  list(size: number, value: () => unknown): unknown[] {
    this.enter()
    const list: unknown[] = []
    for (let i = 0; i < size; i++) list.push(value())
    this.leave()
    return list
  }

  /** An object of so many keys and values, which `value` reads one by one. */
  map(size: number, value: () => unknown): Record<string, unknown> {
    this.enter()
    const record: Record<string, unknown> = {}
    for (let i = 0; i < size; i++) {
      const key = this.key(value())
      record[key] = value()
    }
    this.leave()
    return record
  }

  /** A key that an object may have. */
  key(key: unknown): string {
    if (typeof key !== 'string') throw new MalformedMessageError('it has a key that is not a text.')
    if (forbiddenKeys.has(key)) {
      throw new MalformedMessageError(`it has the key ${key}, which is refused.`)
    }
    if (++this.#keys <= this.#limits.maxKeys) return key
    throw new MalformedMessageError(`it has more than ${this.#limits.maxKeys} keys.`)
  }
}

/** A whole number: beyond ±(2^53 - 1) it stays a bigint. */
export function wholeNumber(value: bigint): number | bigint {
  const number = Number(value)
  if (Number.isSafeInteger(number)) return number
  if (hasFewDigits(value)) return value
  throw new MalformedMessageError(`it has a whole number of more than ${mostDigits} digits.`)
}

/** A number that JSON has a word for. */
export function finiteNumber(value: number): number {
  if (Number.isFinite(value)) return value
  throw new MalformedMessageError(`it has ${value}, which is no number of data.`)
}
