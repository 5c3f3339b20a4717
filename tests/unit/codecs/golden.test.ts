import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { ByteReader } from '../../../src/codecs/byte-reader.ts'
import { defaultLimits } from '../../../src/codecs/data-limits.ts'
import { readPickle } from '../../../src/codecs/pickle-reader.ts'
import { taskiqJson } from '../../../src/codecs/taskiq-json.ts'
import { taskiqMsgpack } from '../../../src/codecs/taskiq-msgpack.ts'
import { taskiqPickle } from '../../../src/codecs/taskiq-pickle.ts'
import type { Codec } from '../../../src/core/codec.ts'
import type { Body, Message } from '../../../src/core/message.ts'
import type { Progress, ResultRecord } from '../../../src/core/result.ts'

interface Golden {
  readonly kind: string
  readonly name: string
  readonly serializer: string
  readonly b64: string
}

const records: readonly Golden[] = readFileSync(
  new URL('../../fixtures/taskiq-golden.jsonl', import.meta.url),
  'utf8',
)
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Golden)

/** The codec of each of TaskIQ's serializers. ORJSON and JSON are one format. */
const codecs: Readonly<Record<string, Codec>> = {
  json: taskiqJson(),
  orjson: taskiqJson(),
  msgpack: taskiqMsgpack(),
  pickle: taskiqPickle(),
}
const json = records.filter(({ serializer }) => serializer === 'json' || serializer === 'orjson')
const binary = records.filter(
  ({ serializer }) => serializer === 'msgpack' || serializer === 'pickle',
)
/** Plans belong to schedule sources: no codec reads them, but their bytes are read as those of others. */
const isOfCodec = ({ kind }: Golden): boolean => kind !== 'schedule'

/** The same JSON, as far as the numbers are: Python writes 0.0 where JSON.stringify writes 0. */
function normalised(text: string): unknown {
  const exact = text.replaceAll(/([:[,]\s*)(-?\d{16,})/g, '$1"int $2"')
  const value = JSON.parse(exact) as { labels_types?: Record<string, number> }
  // A label of type ANY is a text already; it is written as one.
  for (const [name, type] of Object.entries(value.labels_types ?? {})) {
    if (type === 1 && value.labels_types !== undefined) value.labels_types[name] = 3
  }
  return value
}

function decode({ kind, serializer, b64 }: Golden): Message | ResultRecord | Progress {
  const codec = codecs[serializer]
  if (codec === undefined) throw new Error(`no codec reads ${serializer}`)
  const bytes = Buffer.from(b64, 'base64')
  if (kind === 'message') return codec.decodeMessage(bytes)
  return kind === 'result' ? codec.decodeResult(bytes) : codec.decodeProgress(bytes)
}

function encodeAgain({ kind, serializer, b64 }: Golden): Body {
  const codec = codecs[serializer]
  if (codec === undefined) throw new Error(`no codec reads ${serializer}`)
  const bytes = Buffer.from(b64, 'base64')
  if (kind === 'message') return codec.encodeMessage(codec.decodeMessage(bytes))
  if (kind === 'result') return codec.encodeResult(codec.decodeResult(bytes))
  return codec.encodeProgress(codec.decodeProgress(bytes))
}

/** The same thing as it was recorded in JSON. */
function inJson({ kind, name }: Golden): Golden {
  const same = json.find((other) => other.kind === kind && other.name === name)
  if (same === undefined) throw new Error(`there is no ${kind} ${name} in JSON`)
  return same
}

/** Ids were drawn anew for each recording, and addresses of objects differ. */
function comparable(value: unknown): unknown {
  const text = JSON.stringify(value, (_, item: unknown) =>
    typeof item === 'bigint' ? `${item}n` : item instanceof Uint8Array ? null : item,
  )
  const parsed: unknown = JSON.parse(
    text.replaceAll(/0x[0-9a-f]+|\b7f[0-9a-f]{10}\b/g, '0x').replaceAll(/"[0-9a-f]{32}"/g, '"id"'),
  )
  return parsed
}

describe('what TaskIQ wrote', () => {
  it('is there', () => {
    const counts: Record<string, number> = {}
    for (const { kind, serializer } of records) {
      const format = serializer === 'orjson' ? 'json' : serializer
      counts[`${kind} ${format}`] = (counts[`${kind} ${format}`] ?? 0) + 1
    }
    expect(counts).toEqual({
      'message json': 13,
      'message msgpack': 6,
      'result json': 21,
      'result msgpack': 10,
      'result pickle': 11,
      'progress json': 2,
      'progress msgpack': 1,
      'progress pickle': 1,
      'schedule json': 5,
      'schedule pickle': 5,
    })
  })

  it.each(json.filter(isOfCodec))(
    'is read and written again: $kind $name ($serializer)',
    (record) => {
      const text = Buffer.from(record.b64, 'base64').toString('utf8')
      expect(normalised(String(encodeAgain(record)))).toEqual(normalised(text))
    },
  )

  it.each(binary.filter(isOfCodec))(
    'is read as the same in JSON is, written and read again: $kind $name ($serializer)',
    (record) => {
      const read = decode(record)
      expect(comparable(read)).toEqual(comparable(decode(inJson(record))))
      const again = Buffer.from(encodeAgain(record)).toString('base64')
      expect(decode({ ...record, b64: again })).toEqual(read)
    },
  )

  it.each(binary.filter((record) => !isOfCodec(record)))(
    'as a pickled schedule is the same as in JSON: $name',
    (record) => {
      const same = inJson(record)
      const bytes = new ByteReader(Buffer.from(record.b64, 'base64'))
      expect(readPickle(bytes, defaultLimits)).toEqual(
        JSON.parse(Buffer.from(same.b64, 'base64').toString('utf8')),
      )
    },
  )

  it('of another serializer is refused as malformed', () => {
    for (const { serializer, b64 } of records.filter(isOfCodec)) {
      const bytes = Buffer.from(b64, 'base64')
      for (const other of ['json', 'msgpack', 'pickle']) {
        if (codecs[other]?.name === codecs[serializer]?.name) continue
        expect(() => codecs[other]?.decodeMessage(bytes)).toThrow(/^this is not a message: /)
        expect(() => codecs[other]?.decodeResult(bytes)).toThrow(/^this is not a result: /)
      }
    }
  })
})
