/**
 * Tags: how dates, bigints and bytes travel on queues that only Taskwright reads.
 *
 * A rich value is an object with one key: `{"$date": "2026-01-02T03:04:05.678Z"}`,
 * `{"$bigint": "12"}`, `{"$bytes": "aGk="}`. An object of the user's that looks like a tag, or like
 * an escaped one, gets one more `$` on its only key, and loses it on arrival: `{$date: 5}` travels
 * as `{"$$date": 5}`, and `{$$date: 5}` as `{"$$$date": 5}`.
 */
import { MalformedMessageError } from '../core/errors.ts'
import { isFewDigits } from './data-limits.ts'
import { pathOf } from './plain-data.ts'

/** The key of a tagged Date; its value is the ISO text. */
export const dateTag = '$date'
/** The key of a tagged bigint; its value is the digits. */
export const bigintTag = '$bigint'
/** The key of tagged bytes; its value is base64. */
export const bytesTag = '$bytes'

const looksLikeTag = /^\$+(?:date|bigint|bytes)$/

/** The only key of an object of the user's, as it travels. */
export function escapedKey(key: string): string {
  return key.charCodeAt(0) === 36 && looksLikeTag.test(key) ? `$${key}` : key
}

/** Whether a JSON text may hold a tag; only then it is worth looking for them. */
export function mayHoldTags(text: string): boolean {
  return text.includes('"$') || text.includes('\\u0024')
}

/**
 * Puts rich values and escaped objects back, in place. The value is fresh from the reader, which
 * bounds its depth.
 *
 * @throws MalformedMessageError when a tag holds what it cannot mean.
 */
export function restoreTags(value: unknown, path: string): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      const item: unknown = value[i]
      if (typeof item === 'object' && item !== null) value[i] = restoreTags(item, `${path}[${i}]`)
    }
    return value
  }
  const record = value as Record<string, unknown>
  const keys = Object.keys(record)
  const only = keys.length === 1 ? keys[0] : undefined
  if (only !== undefined && only.charCodeAt(0) === 36 && looksLikeTag.test(only)) {
    if (only.charCodeAt(1) !== 36) return restoreOne(only, record[only], path)
    return { [only.slice(1)]: restoreTags(record[only], pathOf(path, only)) }
  }
  restoreMembers(record, path)
  return record
}

/** The same for the members of an object whose own keys are never a tag: `kwargs`, labels. */
export function restoreMembers(record: Record<string, unknown>, path: string): void {
  for (const key of Object.keys(record)) {
    const item = record[key]
    if (typeof item === 'object' && item !== null) {
      record[key] = restoreTags(item, pathOf(path, key))
    }
  }
}

function restoreOne(tag: string, value: unknown, path: string): Date | bigint | Uint8Array {
  if (typeof value === 'string') {
    if (tag === dateTag) {
      const date = new Date(value)
      if (!Number.isNaN(date.getTime()) && date.toISOString() === value) return date
    } else if (tag === bigintTag) {
      const bigint = bigintOf(value)
      if (bigint !== undefined) return bigint
    } else {
      const bytes = bytesOf(value)
      if (bytes !== undefined) return bytes
    }
  }
  throw new MalformedMessageError(`${path} has the tag ${tag} with a value that it cannot have.`)
}

/** The bigint of decimal digits, written the one way that `String(bigint)` does. */
function bigintOf(text: string): bigint | undefined {
  if (!isFewDigits(text) || !/^(?:0|-?[1-9]\d*)$/.test(text)) return undefined
  return BigInt(text)
}

/** The bytes of standard, padded base64; `undefined` for any other text. */
export function bytesOf(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, 'base64')
  // Buffer skips what it does not know. Comparing is linear; a regular expression over 4 MB is not safe.
  return bytes.toString('base64') === text ? new Uint8Array(bytes) : undefined
}
