import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { taskiqJson } from '../../../src/codecs/taskiq-json.ts'

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

/** What this codec does not read, and why. */
const elsewhere: Readonly<Record<string, string>> = {
  schedule: 'plans belong to schedule sources, not to the codec',
  msgpack: 'another serializer',
  pickle: 'another serializer',
}

const json = records.filter(
  ({ kind, serializer }) => !(kind in elsewhere) && !(serializer in elsewhere),
)

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

describe('what TaskIQ wrote', () => {
  it('is there', () => {
    const counts: Record<string, number> = {}
    for (const { kind } of json) counts[kind] = (counts[kind] ?? 0) + 1
    expect(counts).toEqual({ message: 13, result: 21, progress: 2 })
  })

  const codec = taskiqJson()
  it.each(json)('is read and written again: $kind $name ($serializer)', ({ kind, b64 }) => {
    const bytes = Buffer.from(b64, 'base64')
    const again =
      kind === 'message'
        ? codec.encodeMessage(codec.decodeMessage(bytes))
        : kind === 'result'
          ? codec.encodeResult(codec.decodeResult(bytes))
          : codec.encodeProgress(codec.decodeProgress(bytes))
    expect(normalised(String(again))).toEqual(normalised(bytes.toString('utf8')))
  })

  it('of another serializer is refused as malformed', () => {
    for (const { kind, serializer, b64 } of records) {
      if (!(serializer in elsewhere) || kind in elsewhere) continue
      const bytes = Buffer.from(b64, 'base64')
      expect(() => codec.decodeMessage(bytes)).toThrow(/^this is not a message: /)
      expect(() => codec.decodeResult(bytes)).toThrow(/^this is not a result: /)
    }
  })
})
