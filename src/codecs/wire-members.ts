import { MalformedMessageError } from '../core/errors.ts'

/** A JSON object as it was read. */
export type WireObject = Record<string, unknown>

/** Whether a value is a JSON object. */
export function isWireObject(value: unknown): value is WireObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The error for a member that is not what it must be: says what was expected and what is there. */
export function wrongMember(path: string, expected: string, value: unknown): MalformedMessageError {
  return new MalformedMessageError(`${path} must be ${expected}, but is ${kindOf(value)}.`)
}

/** @throws MalformedMessageError when it is anything but an object. */
export function wireObject(value: unknown, path: string): WireObject {
  if (!isWireObject(value)) throw wrongMember(path, 'an object', value)
  return value
}

/** @throws MalformedMessageError when it is anything but an array. */
export function wireArray(value: unknown, path: string): unknown[] {
  if (!Array.isArray(value)) throw wrongMember(path, 'an array', value)
  return value
}

/** A text that may be absent. @throws MalformedMessageError when it is something else. */
export function optionalText(value: unknown, path: string): string | undefined {
  if (value === undefined || typeof value === 'string') return value
  throw wrongMember(path, 'a text', value)
}

function kindOf(value: unknown): string {
  if (value === undefined) return 'missing'
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  switch (typeof value) {
    case 'object':
      return 'an object'
    case 'string':
      return value === '' ? 'empty' : `the text ${JSON.stringify(value.slice(0, 32))}`
    case 'number':
    case 'bigint':
    case 'boolean':
      return `the ${typeof value} ${String(value).slice(0, 32)}`
    default:
      return `a ${typeof value}`
  }
}
