import type { Codec } from '../core/codec.ts'
import type { Body, Message } from '../core/message.ts'
import type { Progress } from '../core/result.ts'
import { decoding, encoding, tooManyBytes, type What } from './codec-frame.ts'
import type { DataLimits, LimitOptions } from './data-limits.ts'
import { dataLimits, exceedsBytes } from './data-limits.ts'
import { parseJson, textOf } from './json-reader.ts'
import type { Writing } from './json-writer.ts'
import { withinLimits, writeJson, writeMembers } from './json-writer.ts'
import { encodeLabels } from './wire-labels.ts'
import { dataCheck } from './plain-data.ts'
import { mayHoldTags } from './rich-values.ts'
import { checkMessage, checkProgress, readMessage, readProgress } from './taskiq-message.ts'
import { readResult, writeResult } from './taskiq-result.ts'

/** Options of {@link taskiqJson}. */
export interface TaskiqJsonOptions extends LimitOptions {
  /**
   * Tag dates, bigints and bytes so that they arrive as what they were. Only for queues that no
   * other program reads. Default false: they travel as TaskIQ's JSON has them (ISO text, whole
   * number, base64), for the task's schema to restore.
   */
  richTypes?: boolean | undefined
}

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
  const writing: Writing = { check: dataCheck({ limits, tags }), tags, limits }
  return {
    name: tags ? 'taskiq-json-rich' : 'taskiq-json',
    capabilities: { richTypes: tags, anyInteger: true, anyText: true },
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

function encode(what: What, limits: DataLimits, write: () => string): string {
  const text = encoding(what, write)
  if (exceedsBytes(text, limits.maxBytes)) throw tooManyBytes(what, limits)
  // The check of the data has counted, but args and kwargs each for itself. (A member is `"":0,`.)
  return text.length > limits.maxKeys * 5 ? withinLimits(text, limits) : text
}

interface Reading {
  readonly what: What
  readonly body: Body
  readonly limits: DataLimits
}

function decode<T>({ what, body, limits }: Reading, read: (value: unknown, text: string) => T): T {
  return decoding(what, () => {
    const text = textOf(body, limits)
    return read(parseJson(text, limits), text)
  })
}

function writeMessage(message: Message, { check, tags, limits }: Writing): string {
  const needsWriter = checkMessage(message, check)
  const { id, task, args, kwargs } = message
  // Written member by member, where the names and what is most often empty are known: the same text as that of one
  // `JSON.stringify`, for two thirds of its time. The id needs no escape: that was checked.
  const head = `{"task_id":"${id}","task_name":${quoted(task)},${labelsText(message)}`
  if (!needsWriter.args && !needsWriter.kwargs)
    return `${head},"args":${JSON.stringify(args)},"kwargs":${JSON.stringify(kwargs)}}`
  const list = args.map((arg) => writeJson(arg, tags)).join(',')
  return withinLimits(`${head},"args":[${list}],"kwargs":${writeMembers(kwargs, tags)}}`, limits)
}

function labelsText({ labels: given }: Message): string {
  const { labels, types } = encodeLabels(given)
  for (const _ in labels)
    return `"labels":${JSON.stringify(labels)},"labels_types":${JSON.stringify(types)}`
  return '"labels":{},"labels_types":{}'
}

/** The last name and its JSON: a sender's messages are mostly of one task. */
let [lastName, lastQuoted] = ['', '""']

function quoted(name: string): string {
  if (name !== lastName) [lastName, lastQuoted] = [name, JSON.stringify(name)]
  return lastQuoted
}

function writeProgress(progress: Progress, { check, tags, limits }: Writing): string {
  const needsWriter = checkProgress(progress, check)
  const { state } = progress
  const meta = progress.meta ?? null
  if (!needsWriter) return JSON.stringify({ state, meta })
  const text = `{"state":${JSON.stringify(state)},"meta":${writeJson(meta, tags)}}`
  return withinLimits(text, limits)
}
