/**
 * The check of what may travel (the data table of the guide), made before anything is written.
 *
 * It runs for every message, so it comes in two walks. The first only answers "as it is", "needs
 * the writer" or "refused", without building a path or remembering what it saw: a cycle is found
 * because it becomes too deep, and values that repeat themselves without end because the room is
 * used up. Only when something is refused, a second walk over the same way finds out what and where.
 */
import { isDate, isUint8Array } from 'node:util/types'
import { forbiddenKeys } from '../core/data.ts'
import { DataNotPlainError, PayloadTooLargeError } from '../core/errors.ts'
import type { DataLimits } from './data-limits.ts'
import { hasFewDigits, mostDigits } from './data-limits.ts'

/** Where a value will stand in the message: for error messages, and for the depth. */
export interface DataPlace {
  /** `args`, `value`, `labels`… */
  readonly path: string
  /** How many objects and arrays it is within. */
  readonly within: number
}

/**
 * Whether a value can be written by `JSON.stringify` (`false`), or only by our own writer (`true`).
 *
 * @throws DataNotPlainError when it cannot travel; the message names the path.
 * @throws PayloadTooLargeError when it is certain to be larger than the limits.
 */
export type DataCheck = (value: unknown, place: DataPlace) => boolean

type Finding = 0 | 1 | 2
const asIs: Finding = 0
const needsWriter: Finding = 1
const refused: Finding = 2

/** Integers at and above this are written with an exponent by `JSON.stringify` too. */
const firstExponent = 1e21

/** Why a format has no word for a text or a whole number, as the rest of a sentence; `undefined` where it has. */
export type LeafRefusal = (leaf: string | bigint) => string | undefined

/** What a check goes by. */
export interface CheckOptions {
  readonly limits: DataLimits
  /** Whether rich values are tagged, so that keys with `$` matter. */
  readonly tags: boolean
  /** What else the format refuses. Absent: nothing. */
  readonly refusal?: LeafRefusal | undefined
}

/** A check by these options. */
export function dataCheck({ limits, tags, refusal }: CheckOptions): DataCheck {
  let room = 0
  let keys = 0

  const look = (value: unknown, within: number): Finding => {
    switch (typeof value) {
      case 'string':
        room -= value.length
        // A text beyond all room is refused for that, without being looked through.
        return refusal !== undefined && room >= 0 && refusal(value) !== undefined ? refused : asIs
      case 'number':
        return lookAtNumber(value)
      case 'boolean':
      case 'undefined':
        return asIs
      case 'object':
        return value === null ? asIs : lookInto(value, within + 1)
      case 'bigint':
        return hasFewDigits(value) && refusal?.(value) === undefined ? needsWriter : refused
      default:
        return refused
    }
  }

  const lookInto = (value: object, depth: number): Finding => {
    if (depth > limits.maxDepth || room < 0) return refused
    if (Array.isArray(value)) return lookIntoArray(value, depth)
    const prototype: unknown = Object.getPrototypeOf(value)
    if (prototype !== Object.prototype && prototype !== null && !isRootPrototype(prototype)) {
      return lookAtRich(value)
    }
    let found: Finding = asIs
    for (const key in value) {
      room -= key.length
      let finding: Finding =
        ++keys > limits.maxKeys || forbiddenKeys.has(key) || refusal?.(key) !== undefined
          ? refused
          : look((value as Record<string, unknown>)[key], depth)
      if (tags && key.charCodeAt(0) === 36 && finding === asIs) finding = needsWriter
      // Somebody put an enumerable property on Object.prototype: it is not data of this object.
      if (finding === refused && !Object.hasOwn(value, key)) finding = needsWriter
      if (finding === refused) return refused
      if (finding === needsWriter) found = needsWriter
    }
    return found
  }

  const lookIntoArray = (value: readonly unknown[], depth: number): Finding => {
    room -= value.length
    if (room < 0) return refused
    let found: Finding = asIs
    // By index: holes arrive as null, as undefined does.
    for (let i = 0; i < value.length; i++) {
      const finding = look(value[i], depth)
      if (finding === refused) return refused
      if (finding === needsWriter) found = needsWriter
    }
    return found
  }

  const lookAtRich = (value: object): Finding => {
    if (isUint8Array(value)) {
      room -= value.byteLength
      return needsWriter
    }
    return isDate(value) && !Number.isNaN(value.getTime()) ? needsWriter : refused
  }

  return (value, place) => {
    room = limits.maxBytes
    keys = 0
    const finding = look(value, place.within)
    if (room < 0) {
      throw new PayloadTooLargeError(
        `${place.path} is larger than the limit of ${limits.maxBytes} bytes. Store large data elsewhere and send where it is.`,
      )
    }
    if (keys > limits.maxKeys) {
      throw new PayloadTooLargeError(
        `${place.path} has more than ${limits.maxKeys} keys. Store large data elsewhere and send where it is.`,
      )
    }
    if (finding === refused) explain(value, place, { maxDepth: limits.maxDepth, refusal })
    return finding === needsWriter
  }
}

function lookAtNumber(value: number): Finding {
  if (value === 0) return Object.is(value, -0) ? needsWriter : asIs
  const size = Math.abs(value)
  if (size <= Number.MAX_SAFE_INTEGER) return asIs
  // Written as bare digits it would arrive as a bigint.
  if (size < firstExponent) return needsWriter
  return size < Infinity ? asIs : refused
}

/** Whether a value is an object of key/values and nothing else. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype || isRootPrototype(prototype)
}

/** `Object.prototype` of another realm (a vm context): plain objects of there are plain here. */
function isRootPrototype(prototype: unknown): boolean {
  return (
    typeof prototype === 'object' &&
    prototype !== null &&
    Object.getPrototypeOf(prototype) === null &&
    Object.hasOwn(prototype, 'isPrototypeOf')
  )
}

interface Explaining {
  readonly maxDepth: number
  readonly refusal: LeafRefusal | undefined
}

function explain(value: unknown, place: DataPlace, { maxDepth, refusal }: Explaining): never {
  const parents: unknown[] = []
  const visit = (item: unknown, path: string): void => {
    const isLeaf = typeof item === 'string' || typeof item === 'bigint'
    const reason = reasonAgainst(item) ?? (isLeaf ? refusal?.(item) : undefined)
    if (reason !== undefined) throw new DataNotPlainError(`${path} ${reason}`)
    if (typeof item !== 'object' || item === null || isDate(item) || isUint8Array(item)) return
    if (parents.includes(item)) {
      throw new DataNotPlainError(`${path} is a cycle: it contains itself. Send ids instead.`)
    }
    if (place.within + parents.length >= maxDepth) {
      throw new DataNotPlainError(`${path} is nested deeper than ${maxDepth} levels.`)
    }
    parents.push(item)
    if (Array.isArray(item)) {
      for (let i = 0; i < item.length; i++) visit(item[i], `${path}[${i}]`)
    } else {
      for (const key of Object.keys(item)) {
        const inner = pathOf(path, key)
        if (forbiddenKeys.has(key)) {
          throw new DataNotPlainError(`${inner} is a key that cannot travel. Rename it.`)
        }
        const against = refusal?.(key)
        if (against !== undefined) throw new DataNotPlainError(`the key ${inner} ${against}`)
        visit((item as Record<string, unknown>)[key], inner)
      }
    }
    parents.pop()
  }
  visit(value, place.path)
  throw new DataNotPlainError(`${place.path} changed while it was read.`)
}

/** The path of a member: `args[0].when`, `args[0]["first name"]`. */
export function pathOf(path: string, key: string): string {
  if (/^[A-Za-z_$][\w$]{0,63}$/.test(key)) return `${path}.${key}`
  return `${path}[${JSON.stringify(key.length > 64 ? `${key.slice(0, 64)}…` : key)}]`
}

/** Why a value itself cannot travel, as the rest of a sentence; `undefined` where it can. */
function reasonAgainst(value: unknown): string | undefined {
  switch (typeof value) {
    case 'number':
      return Number.isFinite(value)
        ? undefined
        : `is ${value}, which JSON has no word for. Send null or a text.`
    case 'bigint':
      return hasFewDigits(value)
        ? undefined
        : `is a bigint of more than ${mostDigits} digits. Send it as a text.`
    case 'function':
    case 'symbol':
      return `is a ${typeof value}, which cannot travel.`
    case 'object':
      return value === null ? undefined : reasonAgainstObject(value)
    default:
      return undefined
  }
}

function reasonAgainstObject(value: object): string | undefined {
  if (Array.isArray(value) || isUint8Array(value)) return undefined
  if (isDate(value)) {
    return Number.isNaN(value.getTime()) ? 'is an invalid Date. Send null or a text.' : undefined
  }
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === null || isRootPrototype(prototype)) return undefined
  if (value instanceof Map || value instanceof Set) {
    return `is a ${value instanceof Map ? 'Map' : 'Set'}, which cannot travel. Send an array or a plain object.`
  }
  if (value instanceof Promise) return 'is a promise, which cannot travel. Await it first.'
  return `is an instance of ${classNameOf(prototype)}, which cannot travel. Send a plain object with its data.`
}

function classNameOf(prototype: unknown): string {
  const found =
    typeof prototype === 'object' && prototype !== null && 'constructor' in prototype
      ? prototype.constructor
      : undefined
  return typeof found === 'function' && found.name !== '' ? found.name.slice(0, 64) : 'a class'
}
