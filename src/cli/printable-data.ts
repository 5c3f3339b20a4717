import { safeLines } from './safe-text.ts'

/** JSON of a value of the data table, for machines: dates as ISO texts, bigints as digits, bytes as base64. */
export function toJson(value: unknown, indent?: number): string {
  // `undefined` (a void task) has no JSON.
  return JSON.stringify(value, replace, indent) ?? 'null'
}

/** JSON of a value for people: indented, without anything that a terminal would obey. */
export function printable(value: unknown): string {
  return safeLines(toJson(value, 2))
}

function replace(_: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString()
  return value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value
}

/** A moment as people and machines can read it. */
export function isoTime(at: number): string {
  return new Date(at).toISOString()
}
