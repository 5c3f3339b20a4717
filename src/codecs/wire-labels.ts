/**
 * Labels as TaskIQ writes them: texts in `labels`, and the number of each one's type in
 * `labels_types` (taskiq 0.12, `taskiq/labels.py`).
 */
import { forbiddenKeys } from '../core/data.ts'
import { DataNotPlainError } from '../core/errors.ts'
import type { Labels, LabelValue } from '../core/labels.ts'
import { hasFewDigits, isFewDigits, mostDigits } from './data-limits.ts'
import { base64, writeJson } from './json-writer.ts'
import { isPlainObject, pathOf } from './plain-data.ts'
import { bytesOf } from './rich-values.ts'
import type { WireObject } from './wire-members.ts'
import { wrongMember } from './wire-members.ts'

/** TaskIQ's numbers of label types. */
export const labelType = { any: 1, int: 2, str: 3, float: 4, bool: 5, bytes: 6 } as const

/** The two members of a message that hold its labels. */
export interface WireLabels {
  readonly labels: Record<string, string>
  readonly types: Record<string, number>
}

/**
 * Labels for the wire. `undefined` members are dropped.
 *
 * @throws DataNotPlainError when a label is not a text, number, bigint, boolean or bytes.
 */
export function encodeLabels(given: Labels): WireLabels {
  const labels: Record<string, string> = {}
  const types: Record<string, number> = {}
  if (!isPlainObject(given)) throw new DataNotPlainError('labels is not a plain object.')
  for (const name of Object.keys(given)) {
    // Labels come from callers without types too.
    const value: unknown = given[name]
    if (value === undefined) continue
    if (forbiddenKeys.has(name)) {
      throw new DataNotPlainError(`labels.${name} is a key that cannot travel. Rename it.`)
    }
    switch (typeof value) {
      case 'string':
        labels[name] = value
        types[name] = labelType.str
        break
      case 'number':
        labels[name] = numberText(value)
        types[name] = isWhole(value) ? labelType.int : labelType.float
        break
      case 'boolean':
        labels[name] = value ? 'True' : 'False'
        types[name] = labelType.bool
        break
      case 'bigint':
        labels[name] = integerLabel(name, value)
        types[name] = labelType.int
        break
      default:
        if (!(value instanceof Uint8Array)) throw notALabel(name, value)
        labels[name] = base64(value)
        types[name] = labelType.bytes
    }
  }
  return { labels, types }
}

/**
 * A bigint label, when it can be read again.
 *
 * @throws DataNotPlainError when it has too many digits.
 */
export function integerLabel(name: string, value: bigint): string {
  if (hasFewDigits(value)) return String(value)
  throw new DataNotPlainError(
    `${pathOf('labels', name)} is a bigint of more than ${mostDigits} digits. Send it as a text.`,
  )
}

/** The error for a label that no label can be. */
export function notALabel(name: string, value: unknown): DataNotPlainError {
  const kind = value === null ? 'null' : Array.isArray(value) ? 'an array' : `a ${typeof value}`
  return new DataNotPlainError(
    `${pathOf('labels', name)} is ${kind}. A label is a text, a number, a bigint, a boolean or bytes.`,
  )
}

function isWhole(value: number): boolean {
  return Number.isSafeInteger(value) && !Object.is(value, -0)
}

/** As Python's `float` reads it, and as JSON writes whole numbers. Not a number is a label in TaskIQ. */
export function numberText(value: number): string {
  if (Number.isNaN(value)) return 'nan'
  if (value === Infinity) return 'inf'
  if (value === -Infinity) return '-inf'
  return Object.is(value, -0) ? '-0.0' : String(value)
}

/**
 * Labels from the wire. Labels that have no type are taken as they are; a list, an object or null
 * among them is kept as its JSON text, because labels are primitives here.
 *
 * @throws MalformedMessageError when a type is unknown, or a label is not of its type.
 */
export function decodeLabels(wire: WireObject, types: WireObject | undefined): Labels {
  const labels: Record<string, LabelValue> = {}
  for (const name of Object.keys(wire)) {
    const value = wire[name]
    const found = types?.[name]
    // A label may be called `constructor`: no JSON value is a function, so that one is inherited.
    const type = typeof found === 'function' ? undefined : found
    if (type === labelType.str && typeof value === 'string') labels[name] = value
    else labels[name] = type === undefined ? asLabel(value) : parseLabel({ name, value, type })
  }
  return labels
}

function asLabel(value: unknown): LabelValue {
  switch (typeof value) {
    case 'string':
    case 'number':
    case 'bigint':
    case 'boolean':
      return value
    default:
      return writeJson(value, false)
  }
}

interface TypedLabel {
  readonly name: string
  readonly value: unknown
  readonly type: unknown
}

/** Parsers are applied to what is not text too: TaskIQ re-sends labels that it has parsed already. */
function parseLabel(label: TypedLabel): LabelValue {
  const { name, value, type } = label
  let parsed: LabelValue | undefined
  let expected: string
  switch (type) {
    case labelType.any:
      return asLabel(value)
    case labelType.str:
      return pythonText(value)
    case labelType.bool:
      return pythonText(value).toLowerCase() === 'true'
    case labelType.int:
      parsed = parseInteger(value)
      expected = 'a whole number (type 2)'
      break
    case labelType.float:
      parsed = parseFloating(value)
      expected = 'a number (type 4)'
      break
    case labelType.bytes:
      parsed = typeof value === 'string' ? bytesOf(value) : undefined
      expected = 'base64 (type 6)'
      break
    default:
      throw wrongMember(pathOf('labels_types', name), 'a number from 1 to 6', type)
  }
  if (parsed === undefined) throw wrongMember(pathOf('labels', name), expected, value)
  return parsed
}

/** Python's `str(value)`, as far as JSON values go; lists and objects stay JSON. */
function pythonText(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return value
    case 'number':
    case 'bigint':
      return String(value)
    case 'boolean':
      return value ? 'True' : 'False'
    default:
      return value === null ? 'None' : writeJson(value, false)
  }
}

/** Python's `int(value)`: spaces around and single underscores within are fine, fractions are cut. */
function parseInteger(value: unknown): number | bigint | undefined {
  switch (typeof value) {
    case 'number':
      return Math.trunc(value) + 0
    case 'bigint':
      return value
    case 'boolean':
      return value ? 1 : 0
    case 'string': {
      // Half again for underscores and spaces; what is longer is no number that anybody meant.
      if (value.length > mostDigits * 1.5) return undefined
      const text = value.trim()
      if (!/^[+-]?\d+(?:_\d+)*$/.test(text)) return undefined
      const digits = text.replaceAll('_', '').replace(/^\+/, '')
      const number = Number(digits)
      if (Number.isSafeInteger(number)) return number + 0
      return isFewDigits(digits) ? BigInt(digits) : undefined
    }
    default:
      return undefined
  }
}

const floatText = /^[+-]?(?:\d+(?:_\d+)*(?:\.(?:\d+(?:_\d+)*)?)?|\.\d+(?:_\d+)*)(?:e[+-]?\d+)?$/i

/** Python's `float(value)`, with its words for what is not a number. */
function parseFloating(value: unknown): number | undefined {
  switch (typeof value) {
    case 'number':
      return value
    case 'bigint':
      return Number(value)
    case 'boolean':
      return value ? 1 : 0
    case 'string': {
      if (value.length > 512) return undefined
      const text = value.trim().toLowerCase()
      if (floatText.test(text)) return Number(text.replaceAll('_', ''))
      const word = /^([+-]?)(?:(inf(?:inity)?)|nan)$/.exec(text)
      if (word === null) return undefined
      if (word[2] === undefined) return NaN
      return word[1] === '-' ? -Infinity : Infinity
    }
    default:
      return undefined
  }
}
