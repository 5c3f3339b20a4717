/**
 * Writes JSON where `JSON.stringify` cannot: bigints as JSON integers, dates and bytes as text or
 * as tags, large whole numbers and `-0` so that they arrive as the numbers that they were.
 *
 * Values come here after the check of `plain-data.ts`, which bounds depth and size.
 */
import { isDate, isUint8Array } from 'node:util/types'
import { forbiddenKeys } from '../core/data.ts'
import { DataNotPlainError, PayloadTooLargeError } from '../core/errors.ts'
import type { DataLimits } from './data-limits.ts'
import { beyondLimits } from './json-reader.ts'
import type { DataCheck } from './plain-data.ts'
import { bytesTag, bigintTag, dateTag, escapedKey } from './rich-values.ts'

/** How a codec writes: its check of what may travel, whether it tags rich values, its limits. */
export interface Writing {
  readonly check: DataCheck
  readonly tags: boolean
  readonly limits: DataLimits
}

/**
 * The same text, when it can be read again: for texts with more nesting or keys than the data that
 * was checked had (tags, errors).
 *
 * @throws DataNotPlainError when it is nested too deep.
 * @throws PayloadTooLargeError when it has too many keys.
 */
export function withinLimits(text: string, limits: DataLimits): string {
  switch (beyondLimits(text, limits)) {
    case 'depth':
      throw new DataNotPlainError(`it would be nested deeper than ${limits.maxDepth} levels.`)
    case 'keys':
      throw new PayloadTooLargeError(`it would have more than ${limits.maxKeys} keys.`)
    default:
      return text
  }
}

/**
 * The JSON text of a value. With `tags`, rich values are tagged so that `restoreTags` finds them.
 *
 * @throws DataNotPlainError when the value changed since it was checked (a getter).
 */
export function writeJson(value: unknown, tags: boolean): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value)
    case 'number':
      return writeNumber(value)
    case 'boolean':
      return value ? 'true' : 'false'
    case 'undefined':
      return 'null'
    case 'bigint':
      return tags ? `{"${bigintTag}":"${value}"}` : String(value)
    case 'object':
      return value === null ? 'null' : writeObject(value, tags)
    default:
      throw new DataNotPlainError(`a ${typeof value} appeared while the data was written.`)
  }
}

/** The JSON text of an object whose own keys are never a tag: `kwargs`, labels. */
export function writeMembers(record: object, tags: boolean): string {
  return writeEntries(definedEntries(record), tags)
}

function writeObject(value: object, tags: boolean): string {
  if (Array.isArray(value)) {
    let text = '['
    for (let i = 0; i < value.length; i++) {
      text += (i === 0 ? '' : ',') + writeJson(value[i], tags)
    }
    return `${text}]`
  }
  if (isDate(value)) {
    // Date.prototype: a subclass may print itself otherwise.
    const text = JSON.stringify(Date.prototype.toISOString.call(value))
    return tags ? `{"${dateTag}":${text}}` : text
  }
  if (isUint8Array(value)) {
    const text = JSON.stringify(base64(value))
    return tags ? `{"${bytesTag}":${text}}` : text
  }
  const entries = definedEntries(value)
  const only = entries.length === 1 ? entries[0] : undefined
  if (tags && only !== undefined) return writeEntries([[escapedKey(only[0]), only[1]]], tags)
  return writeEntries(entries, tags)
}

function definedEntries(record: object): [string, unknown][] {
  return Object.entries(record).filter((entry) => entry[1] !== undefined)
}

function writeEntries(entries: readonly [string, unknown][], tags: boolean): string {
  let text = '{'
  for (const [key, value] of entries) {
    if (forbiddenKeys.has(key)) throw new DataNotPlainError(`${key} is a key that cannot travel.`)
    text += `${text === '{' ? '' : ','}${JSON.stringify(key)}:${writeJson(value, tags)}`
  }
  return `${text}}`
}

/** Numbers beyond 2^53 get a fraction, as Python writes floats: bare digits mean a whole number of any size. */
function writeNumber(value: number): string {
  if (!Number.isFinite(value))
    throw new DataNotPlainError(`${value} appeared while the data was written.`)
  if (Object.is(value, -0)) return '-0.0'
  const text = String(value)
  return Math.abs(value) > Number.MAX_SAFE_INTEGER && !text.includes('e') ? `${text}.0` : text
}

/** Standard base64 with padding. */
export function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}
