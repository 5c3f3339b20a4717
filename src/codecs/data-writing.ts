/**
 * The walk of the binary formats over data that was checked: what each value is to the format is said
 * here once, as the data table has it for queues that others read. Dates are ISO texts, bytes base64.
 */
import { isDate, isUint8Array } from 'node:util/types'
import { forbiddenKeys } from '../core/data.ts'
import { DataNotPlainError, PayloadTooLargeError } from '../core/errors.ts'
import type { DataLimits } from './data-limits.ts'
import { base64 } from './json-writer.ts'

/** How a format writes each kind of value. Lists and maps are told their size before their members. */
export interface DataSink {
  nothing(): void
  truth(value: boolean): void
  /** A whole number: a safe one as a number, any other as a bigint. */
  whole(value: number | bigint): void
  float(value: number): void
  text(value: string): void
  list(size: number): void
  listEnd(size: number): void
  map(size: number): void
  mapEnd(size: number): void
}

/**
 * Writes a value, and all in it.
 *
 * @throws DataNotPlainError when it is too deep, or changed since it was checked (a getter).
 * @throws PayloadTooLargeError when it has too many keys.
 */
export function writeData(value: unknown, sink: DataSink, limits: DataLimits): void {
  let keys = 0

  const write = (item: unknown, depth: number): void => {
    switch (typeof item) {
      case 'string':
        return sink.text(item)
      case 'number':
        return writeNumber(item, sink)
      case 'boolean':
        return sink.truth(item)
      case 'undefined':
        return sink.nothing()
      case 'bigint':
        return sink.whole(Number.isSafeInteger(Number(item)) ? Number(item) : item)
      case 'object':
        return item === null ? sink.nothing() : writeObject(item, depth)
      default:
        throw new DataNotPlainError(`a ${typeof item} appeared while the data was written.`)
    }
  }

  const writeObject = (item: object, within: number): void => {
    // Date.prototype: a subclass may print itself otherwise.
    if (isDate(item)) return sink.text(Date.prototype.toISOString.call(item))
    if (isUint8Array(item)) return sink.text(base64(item))
    const depth = within + 1
    if (depth > limits.maxDepth) {
      throw new DataNotPlainError(`it would be nested deeper than ${limits.maxDepth} levels.`)
    }
    if (Array.isArray(item)) {
      const size = item.length
      sink.list(size)
      for (let i = 0; i < size; i++) write(item[i], depth)
      return sink.listEnd(size)
    }
    const entries = Object.entries(item).filter((entry) => entry[1] !== undefined)
    keys += entries.length
    if (keys > limits.maxKeys) {
      throw new PayloadTooLargeError(`it would have more than ${limits.maxKeys} keys.`)
    }
    sink.map(entries.length)
    for (const [key, member] of entries) {
      if (forbiddenKeys.has(key)) throw new DataNotPlainError(`${key} is a key that cannot travel.`)
      sink.text(key)
      write(member, depth)
    }
    sink.mapEnd(entries.length)
  }

  write(value, 0)
}

/** Bare whole numbers beyond 2^53 would arrive as bigints: those are written as the floats that they are. */
function writeNumber(value: number, sink: DataSink): void {
  if (Number.isSafeInteger(value) && !Object.is(value, -0)) return sink.whole(value)
  if (Number.isFinite(value)) return sink.float(value)
  throw new DataNotPlainError(`${value} appeared while the data was written.`)
}
