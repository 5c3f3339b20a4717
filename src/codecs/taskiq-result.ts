/**
 * Results as TaskIQ writes them (`TaskiqResult` of taskiq 0.12, `taskiq/result/result.py`).
 *
 * Python knows two outcomes, `is_err` true and false. `cancelled` and `dead` are errors to it, and
 * say what they are in an extra member `tw`, which its model ignores. So does the value of a void
 * task, which is `null` to it and `undefined` to us.
 */
import { forbiddenKeys } from '../core/data.ts'
import { DataNotPlainError } from '../core/errors.ts'
import type { Labels } from '../core/labels.ts'
import type { ResultRecord } from '../core/result.ts'
import type { FinalStatus } from '../core/states.ts'
import { decodeError, encodeError, longestChain, type ExceptionRepr } from './exception-repr.ts'
import type { Writing } from './json-writer.ts'
import { withinLimits, writeJson, writeMembers } from './json-writer.ts'
import { decodeLabels, integerLabel, notALabel, numberText } from './wire-labels.ts'
import { isPlainObject, type DataCheck } from './plain-data.ts'
import { restoreMembers, restoreTags } from './rich-values.ts'
import type { WireObject } from './wire-members.ts'
import { wireObject, wrongMember } from './wire-members.ts'

const valuePlace = { path: 'value', within: 1 }
// Within the longest chain of causes, so that none makes the result too deep.
const argsPlace = { path: 'error.args', within: 3 + longestChain }

/** A result as its members, and what JSON has to be told about them. */
export interface WireResult {
  readonly wire: {
    readonly is_err: boolean
    readonly log: null
    readonly return_value: unknown
    readonly execution_time: number
    readonly labels: Record<string, unknown>
    readonly error: ExceptionRepr | null
    readonly tw?: { status: FinalStatus } | { void: true }
  }
  /** Whether a value among them needs a writer of ours. */
  readonly special: boolean
}

/**
 * The members of a result.
 *
 * @throws DataNotPlainError when the value or a label cannot travel.
 */
export function resultMembers(result: ResultRecord, check: DataCheck): WireResult {
  if (!Number.isFinite(result.executionTime)) {
    throw new DataNotPlainError(`executionTime is ${result.executionTime}, not a finite number.`)
  }
  let special = check(result.value, valuePlace)
  const travels = (value: unknown): boolean => {
    try {
      if (check(value, argsPlace)) special = true
      return true
    } catch {
      return false
    }
  }
  const error = result.error === null ? null : encodeError(result.error, travels)
  const labels = resultLabels(result.labels)
  const wire = {
    is_err: result.status !== 'succeeded',
    log: null,
    return_value: result.value ?? null,
    execution_time: result.executionTime,
    labels: labels.values,
    error,
    ...extrasOf(result),
  }
  return { wire, special: special || labels.special }
}

/**
 * The JSON text of a result.
 *
 * @throws DataNotPlainError when the value or a label cannot travel.
 */
export function writeResult(result: ResultRecord, { check, tags, limits }: Writing): string {
  const { wire, special } = resultMembers(result, check)
  const { error } = wire
  if (!special) {
    if (error !== null) return withinLimits(JSON.stringify(wire), limits)
    // Nearly every result: written member by member, which costs half of stringifying them together.
    const value = JSON.stringify(wire.return_value)
    return `{"is_err":${wire.is_err},"log":null,"return_value":${value},"execution_time":${wire.execution_time},"labels":${JSON.stringify(wire.labels)},"error":null${extraText(wire.tw)}}`
  }
  const head = `{"is_err":${wire.is_err},"log":null,"return_value":${writeJson(wire.return_value, tags)}`
  const middle = `"execution_time":${wire.execution_time},"labels":${writeMembers(wire.labels, tags)}`
  const tail = `"error":${writeJson(error, tags)}${extraText(wire.tw)}}`
  return withinLimits(`${head},${middle},${tail}`, limits)
}

const extraText = (tw: unknown): string => (tw === undefined ? '' : `,"tw":${JSON.stringify(tw)}`)

/** What Python has no word for. */
function extrasOf({ status, value }: ResultRecord): {
  tw?: { status: FinalStatus } | { void: true }
} {
  if (status === 'cancelled' || status === 'dead') return { tw: { status } }
  return status === 'succeeded' && value === undefined ? { tw: { void: true } } : {}
}

/** Labels in a result are values, not texts (and have no types). */
function resultLabels(given: Labels): { values: Record<string, unknown>; special: boolean } {
  const values: Record<string, unknown> = {}
  let special = false
  if (!isPlainObject(given)) throw new DataNotPlainError('labels is not a plain object.')
  for (const name of Object.keys(given)) {
    const value: unknown = given[name]
    if (forbiddenKeys.has(name)) {
      throw new DataNotPlainError(`labels.${name} is a key that cannot travel. Rename it.`)
    }
    switch (typeof value) {
      case 'undefined':
        continue
      case 'string':
      case 'boolean':
        values[name] = value
        break
      case 'number':
        // JSON has no word for it; a label that came from Python must not make the result fail.
        values[name] = Number.isFinite(value) ? value : numberText(value)
        if (!Number.isSafeInteger(value) || Object.is(value, -0)) special = true
        break
      default:
        if (typeof value !== 'bigint' && !(value instanceof Uint8Array))
          throw notALabel(name, value)
        if (typeof value === 'bigint') integerLabel(name, value)
        values[name] = value
        special = true
    }
  }
  return { values, special }
}

/**
 * The result in a JSON value. With `tags`, rich values are restored.
 *
 * @throws MalformedMessageError when it is none.
 */
export function readResult(value: unknown, tags: boolean): ResultRecord {
  const record = wireObject(value, 'it')
  const failed = record['is_err']
  if (typeof failed !== 'boolean') throw wrongMember('is_err', 'a boolean', failed)
  if (!Object.hasOwn(record, 'return_value')) {
    throw wrongMember('return_value', 'a value or null', undefined)
  }
  const time = record['execution_time']
  if (typeof time !== 'number') throw wrongMember('execution_time', 'a number', time)
  const labels = record['labels'] === undefined ? {} : wireObject(record['labels'], 'labels')
  const error = record['error'] ?? null
  const extras = record['tw'] === undefined ? {} : wireObject(record['tw'], 'tw')
  return {
    status: statusOf(extras, failed),
    value: isVoid(extras, failed)
      ? undefined
      : tags
        ? restoreTags(record['return_value'], 'return_value')
        : record['return_value'],
    executionTime: time,
    labels: readLabels(labels, tags),
    error: error === null ? null : decodeError(error, 'error', tags),
  }
}

function readLabels(wire: WireObject, tags: boolean): Labels {
  if (!tags) return decodeLabels(wire, undefined)
  restoreMembers(wire, 'labels')
  const labels = { ...decodeLabels(wire, undefined) }
  for (const [name, value] of Object.entries(wire)) {
    if (value instanceof Uint8Array) labels[name] = value
  }
  return labels
}

function isVoid(extras: WireObject, failed: boolean): boolean {
  const mark = extras['void']
  if (mark === undefined || (mark === true && !failed)) return mark === true
  throw wrongMember('tw.void', 'true, with is_err false', mark)
}

function statusOf(extras: WireObject, failed: boolean): FinalStatus {
  const { status } = extras
  if (status === undefined) return failed ? 'failed' : 'succeeded'
  if (failed && (status === 'cancelled' || status === 'dead')) return status
  throw wrongMember('tw.status', "'cancelled' or 'dead', with is_err true", status)
}
