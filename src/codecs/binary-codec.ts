import { isUint8Array } from 'node:util/types'
import type { Codec } from '../core/codec.ts'
import { MalformedMessageError } from '../core/errors.ts'
import type { Labels } from '../core/labels.ts'
import type { Body, Message } from '../core/message.ts'
import { ByteReader } from './byte-reader.ts'
import { ByteWriter } from './byte-writer.ts'
import { decoding, encoding, tooManyBytes, type What } from './codec-frame.ts'
import { dataLimits, type DataLimits, type LimitOptions } from './data-limits.ts'
import { writeData, type DataSink } from './data-writing.ts'
import { dataCheck, isPlainObject, type LeafRefusal } from './plain-data.ts'
import { checkMessage, checkProgress, readMessage, readProgress } from './taskiq-message.ts'
import { readResult, resultMembers } from './taskiq-result.ts'
import { encodeLabels } from './wire-labels.ts'

/** A serializer of TaskIQ's other than JSON: how it writes and reads plain values. */
export interface BinaryFormat {
  readonly name: string
  readonly anyInteger: boolean
  readonly anyText: boolean
  /** What it has no word for. */
  readonly refusal?: LeafRefusal | undefined
  /** What writes into these bytes. */
  sink(bytes: ByteWriter): DataSink
  /** Called once all was written; absent where nothing follows. */
  finish?(bytes: ByteWriter): void
  /** The one value in these bytes, within the limits. @throws MalformedMessageError */
  read(bytes: ByteReader, limits: DataLimits): unknown
}

const namesPlace = { path: 'labels', within: 1 }

/** The codec of TaskIQ's members in a binary format. @throws InvalidInputError for limits that are none. */
export function binaryCodec(format: BinaryFormat, options: LimitOptions = {}): Codec {
  const limits = dataLimits(options)
  const { refusal, anyInteger, anyText } = format
  const check = dataCheck({ limits, tags: false, refusal })

  const encode = (what: What, membersOf: () => object): Uint8Array => {
    const body = encoding(what, () => {
      const bytes = new ByteWriter()
      writeData(membersOf(), format.sink(bytes), limits)
      format.finish?.(bytes)
      return bytes.finish()
    })
    if (body.byteLength > limits.maxBytes) throw tooManyBytes(what, limits)
    return body
  }
  const decode = <T>(what: What, body: Body, read: (value: unknown) => T): T =>
    decoding(what, () => read(format.read(new ByteReader(bytesOf(body, limits)), limits)))

  const messageMembers = (message: Message): object => {
    checkMessage(message, check)
    const { labels, types } = encodeLabels(message.labels)
    check({ ...labels }, namesPlace)
    check(message.task, { path: 'task', within: 1 })
    return {
      task_id: message.id,
      task_name: message.task,
      labels,
      labels_types: types,
      args: message.args,
      kwargs: message.kwargs,
    }
  }
  return {
    name: format.name,
    capabilities: { richTypes: false, anyInteger, anyText },
    encodeMessage: (message) => encode('message', () => messageMembers(message)),
    decodeMessage: (body) => decode('message', body, (value) => readMessage(value, false)),
    encodeResult: (result) =>
      encode('result', () => {
        const labels = refusal === undefined ? result.labels : told(result.labels, refusal)
        return resultMembers({ ...result, labels }, check).wire
      }),
    decodeResult: (body) => decode('result', body, (value) => readResult(value, false)),
    encodeProgress: (progress) =>
      encode('progress', () => {
        checkProgress(progress, check)
        check(progress.state, { path: 'state', within: 1 })
        return { state: progress.state, meta: progress.meta ?? null }
      }),
    decodeProgress: (body) => decode('progress', body, (value) => readProgress(value, false)),
  }
}

/** A message's labels must not make its result fail: a whole number beyond the format is told in digits. */
function told(labels: Labels, refusal: LeafRefusal): Labels {
  if (!isPlainObject(labels)) return labels
  return Object.fromEntries(
    Object.entries(labels).map(([name, value]) => [
      name,
      typeof value === 'bigint' && refusal(value) !== undefined ? String(value) : value,
    ]),
  )
}

/** Text comes from stores that keep bytes which happen to be one (pickles of protocol 0) as a text. */
function bytesOf(body: Body, limits: DataLimits): Uint8Array {
  const bytes = typeof body === 'string' ? textBytes(body, limits) : body
  if (!isUint8Array(bytes)) throw new MalformedMessageError('the body is neither text nor bytes.')
  if (bytes.byteLength > limits.maxBytes) throw tooLarge(limits)
  return bytes
}

function textBytes(body: string, limits: DataLimits): Uint8Array {
  if (body.length > limits.maxBytes) throw tooLarge(limits)
  return Buffer.from(body, 'utf8')
}

function tooLarge(limits: DataLimits): MalformedMessageError {
  return new MalformedMessageError(`it is larger than the limit of ${limits.maxBytes} bytes.`)
}

/** Refuses texts with half of a surrogate pair, which no UTF-8 has, and integers beyond 64 bits where `bits64`. */
export function leafRefusal(format: string, bits64: boolean): LeafRefusal {
  return (leaf) => {
    if (typeof leaf === 'string') {
      return halfPair.test(leaf)
        ? `has half of a surrogate pair, which ${format} has no word for.`
        : undefined
    }
    return bits64 && (leaf >= 2n ** 64n || leaf < -(2n ** 63n))
      ? `is a bigint of more than 64 bits, which ${format} has no word for. Send it as a text.`
      : undefined
  }
}

const halfPair = /\p{Surrogate}/u
