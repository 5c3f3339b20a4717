import { DataNotPlainError, MalformedMessageError, PayloadTooLargeError } from '../core/errors.ts'
import { isId } from '../core/ids.ts'
import type { Codec } from '../core/codec.ts'
import type { Body, Message } from '../core/message.ts'
import type { Progress } from '../core/result.ts'
import type { DataLimits } from './data-limits.ts'
import { dataLimits, exceedsBytes } from './data-limits.ts'
import { parseJson, textOf } from './json-reader.ts'
import type { Writing } from './json-writer.ts'
import { withinLimits, writeJson, writeMembers } from './json-writer.ts'
import { decodeLabels, encodeLabels } from './wire-labels.ts'
import { dataCheck, isPlainObject } from './plain-data.ts'
import { mayHoldTags, restoreMembers, restoreTags } from './rich-values.ts'
import { readResult, writeResult } from './taskiq-result.ts'
import { wireArray, wireObject, wrongMember } from './wire-members.ts'

/** Options of {@link taskiqJson}. */
export interface TaskiqJsonOptions {
  /**
   * Tag dates, bigints and bytes so that they arrive as what they were. Only for queues that no
   * other program reads. Default false: they travel as TaskIQ's JSON has them (ISO text, whole
   * number, base64), for the task's schema to restore.
   */
  richTypes?: boolean | undefined
  /** The most bytes of a message or result. Default 4 MB. */
  maxBytes?: number | undefined
  /** The deepest nesting, the message itself counted. Default 64. */
  maxDepth?: number | undefined
  /** The most keys of all objects of a message or result together. Default 100 000. */
  maxKeys?: number | undefined
}

const argsPlace = { path: 'args', within: 1 }
const kwargsPlace = { path: 'kwargs', within: 1 }
const metaPlace = { path: 'meta', within: 1 }
const longestTaskName = 256

/**
 * TaskIQ's JSON message, the default codec on every transport: what it writes is read by Python's
 * `taskiq` (0.12) with its default serializer, and the other way round. `docs/reference/wire-format.md`
 * has every member.
 *
 * Pure, without state between calls. The limits hold in both directions, so whatever was encoded
 * can be decoded with the same options.
 *
 * @throws InvalidInputError when a limit is not a positive whole number.
 *
 * @example
 * ```ts
 * const codec = taskiqJson({ richTypes: true })
 * const body = codec.encodeMessage({ id: 'a1', task: 'report', args: [new Date()], kwargs: {}, labels: {} })
 * codec.decodeMessage(body).args[0] // a Date
 * ```
 */
export function taskiqJson(options?: TaskiqJsonOptions): Codec {
  const tags = options?.richTypes ?? false
  const limits = dataLimits(options ?? {})
  const writing: Writing = { check: dataCheck(limits, tags), tags, limits }
  return {
    name: tags ? 'taskiq-json-rich' : 'taskiq-json',
    capabilities: { richTypes: tags },
    encodeMessage: (message) => encode('message', limits, () => writeMessage(message, writing)),
    decodeMessage: (body) =>
      decode({ what: 'message', body, limits }, (value, text) =>
        readMessage(value, tags && mayHoldTags(text)),
      ),
    encodeResult: (result) => encode('result', limits, () => writeResult(result, writing)),
    decodeResult: (body) =>
      decode({ what: 'result', body, limits }, (value, text) =>
        readResult(value, tags && mayHoldTags(text)),
      ),
    encodeProgress: (progress) =>
      encode('progress', limits, () => writeProgress(progress, writing)),
    decodeProgress: (body) =>
      decode({ what: 'progress', body, limits }, (value, text) =>
        readProgress(value, tags && mayHoldTags(text)),
      ),
  }
}

type What = 'message' | 'result' | 'progress'

function encode(what: What, limits: DataLimits, write: () => string): string {
  let text: string
  try {
    text = write()
  } catch (error) {
    if (error instanceof DataNotPlainError || error instanceof PayloadTooLargeError) throw error
    // A getter or a proxy of the user's threw.
    throw new DataNotPlainError(`the ${what} holds data that cannot be read.`, { cause: error })
  }
  if (exceedsBytes(text, limits.maxBytes)) {
    throw new PayloadTooLargeError(
      `the ${what} is larger than the limit of ${limits.maxBytes} bytes. Store large data elsewhere and send where it is.`,
    )
  }
  // The check of the data has counted, but args and kwargs each for itself. (A member is `"":0,`.)
  return text.length > limits.maxKeys * 5 ? withinLimits(text, limits) : text
}

interface Reading {
  readonly what: What
  readonly body: Body
  readonly limits: DataLimits
}

function decode<T>(reading: Reading, read: (value: unknown, text: string) => T): T {
  const { what, body, limits } = reading
  try {
    const text = textOf(body, limits)
    return read(parseJson(text, limits), text)
  } catch (error) {
    if (!(error instanceof MalformedMessageError)) throw error
    throw new MalformedMessageError(`this is not a ${what}: ${error.message}`, {
      cause: error.cause,
    })
  }
}

function writeMessage(message: Message, { check, tags, limits }: Writing): string {
  const { id, task, args, kwargs } = message
  if (!isId(id)) throw new DataNotPlainError('id is not 1–128 letters, digits and _ . : -')
  if (typeof task !== 'string' || task === '' || task.length > longestTaskName) {
    throw new DataNotPlainError(`task is not a name of 1–${longestTaskName} characters.`)
  }
  if (!Array.isArray(args)) throw new DataNotPlainError('args is not an array.')
  if (!isPlainObject(kwargs)) throw new DataNotPlainError('kwargs is not a plain object.')
  // Both are checked, whatever the first one says.
  const argsNeedWriter = check(args, argsPlace)
  const kwargsNeedWriter = check(kwargs, kwargsPlace)
  const { labels, types } = encodeLabels(message.labels)
  if (!argsNeedWriter && !kwargsNeedWriter) {
    return JSON.stringify({
      task_id: id,
      task_name: task,
      labels,
      labels_types: types,
      args,
      kwargs,
    })
  }
  const head = `{"task_id":"${id}","task_name":${JSON.stringify(task)}`
  const middle = `"labels":${JSON.stringify(labels)},"labels_types":${JSON.stringify(types)}`
  const list = args.map((arg) => writeJson(arg, tags)).join(',')
  const tail = `"args":[${list}],"kwargs":${writeMembers(kwargs, tags)}}`
  return withinLimits(`${head},${middle},${tail}`, limits)
}

function readMessage(value: unknown, tags: boolean): Message {
  const record = wireObject(value, 'it')
  const id = record['task_id']
  if (!isId(id)) throw wrongMember('task_id', '1–128 letters, digits and _ . : -', id)
  const task = record['task_name']
  if (typeof task !== 'string' || task === '' || task.length > longestTaskName) {
    throw wrongMember('task_name', `a name of 1–${longestTaskName} characters`, task)
  }
  const labels = wireObject(record['labels'], 'labels')
  const types = record['labels_types'] ?? undefined
  const args = wireArray(record['args'], 'args')
  const kwargs = wireObject(record['kwargs'], 'kwargs')
  if (tags) {
    restoreTags(args, 'args')
    restoreMembers(kwargs, 'kwargs')
  }
  return {
    id,
    task,
    args,
    kwargs,
    labels: decodeLabels(
      labels,
      types === undefined ? undefined : wireObject(types, 'labels_types'),
    ),
  }
}

function writeProgress(progress: Progress, { check, tags, limits }: Writing): string {
  const { state } = progress
  if (typeof state !== 'string') throw new DataNotPlainError('state is not a text.')
  const meta = progress.meta ?? null
  if (!check(meta, metaPlace)) return JSON.stringify({ state, meta })
  const text = `{"state":${JSON.stringify(state)},"meta":${writeJson(meta, tags)}}`
  return withinLimits(text, limits)
}

function readProgress(value: unknown, tags: boolean): Progress {
  const record = wireObject(value, 'it')
  const state = record['state']
  if (typeof state !== 'string') throw wrongMember('state', 'a text', state)
  const meta = record['meta'] ?? null
  return { state, meta: tags ? restoreTags(meta, 'meta') : meta }
}
