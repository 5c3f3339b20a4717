import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { taskiqCbor } from '../../../src/codecs/taskiq-cbor.ts'
import { taskiqMsgpack } from '../../../src/codecs/taskiq-msgpack.ts'
import { taskiqPickle } from '../../../src/codecs/taskiq-pickle.ts'

/** What tests/fixtures/make-python-bytes.py wrote. */
type Line =
  | { readonly kind: 'expected'; readonly name: string; readonly value: unknown }
  | {
      readonly kind: 'value' | 'refused'
      readonly name: string
      readonly serializer: 'pickle' | 'msgpack' | 'cbor'
      readonly b64: string
      /** The name of the expected value. */
      readonly value?: string
      /** The opcodes of a pickle in its order. */
      readonly opcodes?: readonly string[]
    }

const codecs = { pickle: taskiqPickle(), msgpack: taskiqMsgpack(), cbor: taskiqCbor() }

const lines: readonly Line[] = readFileSync(
  new URL('../../fixtures/python-bytes.jsonl', import.meta.url),
  'utf8',
)
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line, revive) as Line)

function revive(_: string, value: unknown): unknown {
  const int =
    typeof value === 'object' && value !== null && '$int' in value ? value.$int : undefined
  return typeof int === 'string' ? BigInt(int) : value
}

const expected = new Map(
  lines.flatMap((line) => (line.kind === 'expected' ? [[line.name, line.value] as const] : [])),
)
const recorded = lines.flatMap((line) => (line.kind === 'expected' ? [] : [line]))

describe('what Python wrote', () => {
  it.each(recorded.filter(({ kind }) => kind === 'value'))(
    'is read, and read again after it was written: $serializer, $name',
    ({ serializer, b64, value = '' }) => {
      const codec = codecs[serializer]
      const progress = codec.decodeProgress(Buffer.from(b64, 'base64'))
      expect(progress).toStrictEqual({ state: 's', meta: expected.get(value) ?? null })
      expect(codec.decodeProgress(codec.encodeProgress(progress))).toStrictEqual(progress)
    },
  )

  it('is all there', () => {
    const counts: Record<string, number> = {}
    for (const { kind, serializer } of recorded) {
      counts[`${serializer} ${kind}`] = (counts[`${serializer} ${kind}`] ?? 0) + 1
    }
    expect(counts).toMatchObject({ 'msgpack value': 12, 'cbor value': 26, 'cbor refused': 6 })
    expect(counts['pickle value']).toBeGreaterThanOrEqual(105)
    expect(counts['pickle refused']).toBe(132)
  })
})

/** Opcodes that build plain data, and so are run. */
const data =
  /^(MARK|STOP|PROTO|FRAME|NONE|NEWTRUE|NEWFALSE|INT|BININT[12]?|LONG[14]?|FLOAT|BINFLOAT|UNICODE|(SHORT_)?BINUNICODE8?|(EMPTY_)?(LIST|DICT)|APPENDS?|SETITEMS?|(EMPTY_)?TUPLE|TUPLE[123]|PUT|BINPUT|LONG_BINPUT|MEMOIZE|GET|BINGET|LONG_BINGET)$/

describe('what is no plain data', () => {
  it.each(recorded.filter(({ kind }) => kind === 'refused'))(
    'is refused: $serializer, $name',
    ({ serializer, b64, opcodes = [] }) => {
      const first = opcodes.find((name) => !data.test(name))
      expect(() => codecs[serializer].decodeProgress(Buffer.from(b64, 'base64'))).toThrow(
        first === undefined
          ? /^this is not a progress: it /
          : new RegExp(`the opcode ${first}, which is refused`),
      )
    },
  )
})
