import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, it } from 'vitest'
import { taskiqJson } from '../../src/codecs/taskiq-json.ts'
import { isTaskwrightError } from '../../src/core/errors.ts'
import type { Body } from '../../src/core/message.ts'
import { sampleMessage, sampleResult } from '../../src/testing/codec/carry.ts'

const plain = taskiqJson()
const rich = taskiqJson({ richTypes: true })

const key = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('$date', '$bigint', '$bytes', '$$date', '$x', 'a', 'constructor', 'toString'),
).filter((text) => text !== '__proto__') // prettier-ignore

const number = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.constantFrom(-0, 1e20, -1e20, 2 ** 53, 1e21, 123456789012345680000),
)

/** Data of the table; without rich values where they are not kept. */
function data(withRich: boolean): fc.Arbitrary<unknown> {
  return fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 5 },
      tie('leaf'),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.array(fc.tuple(key, tie('value')), { maxLength: 3 }).map((list) => Object.fromEntries(list)),
    ),
    leaf: fc.oneof(
      number,
      fc.boolean(),
      fc.constant(null),
      fc.string({ unit: 'binary' }),
      fc.string({ unit: fc.constantFrom('\ud800', '\udc00', '"', '\\', '\u0000', '€', '[', '{') }),
      fc.bigInt().map((big) => (big >= 0n ? big + 2n ** 53n : big - 2n ** 53n)),
      ...(withRich
        ? [
            fc.bigInt(),
            fc.date({ noInvalidDate: true }),
            fc.uint8Array({ maxLength: 20 }),
          ]
        : []),
    ),
  })).value // prettier-ignore
}

const text = (body: Body): string =>
  typeof body === 'string' ? body : new TextDecoder().decode(body)

const members = (value: fc.Arbitrary<unknown>) =>
  fc.record({
    args: fc.array(value, { maxLength: 3 }),
    kwargs: fc.array(fc.tuple(key, value), { maxLength: 3 }).map((list) => Object.fromEntries(list)),
  }) // prettier-ignore

describe.each([
  ['plain', plain, data(false)],
  ['rich', rich, data(true)],
] as const)('any data, %s', (_, codec, value) => {
  it('arrives as itself in messages', () => {
    fc.assert(
      fc.property(members(value), (parts) => {
        const message = sampleMessage(parts)
        const body = codec.encodeMessage(message)
        assert.deepStrictEqual(codec.decodeMessage(body), message)
        assert.deepStrictEqual(codec.decodeMessage(new TextEncoder().encode(text(body))), message)
      }),
      { numRuns: 1000 },
    )
  })

  it('arrives as itself in results, errors and progress', () => {
    fc.assert(
      fc.property(value, fc.string({ unit: 'binary' }), (meta, message) => {
        const result = sampleResult({
          value: meta,
          error: { name: 'E', message },
          status: 'failed',
        })
        assert.deepStrictEqual(codec.decodeResult(codec.encodeResult(result)), result)
        const progress = { state: message, meta }
        assert.deepStrictEqual(codec.decodeProgress(codec.encodeProgress(progress)), progress)
      }),
      { numRuns: 500 },
    )
  })

  it('is written as JSON.parse reads it', () => {
    fc.assert(
      fc.property(members(value), (parts) => {
        JSON.parse(text(codec.encodeMessage(sampleMessage(parts))))
      }),
      { numRuns: 300 },
    )
  })
})

describe('labels', () => {
  it('arrive as they were', () => {
    const label = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.integer(),
      fc.maxSafeInteger(),
      fc.double(),
      fc.boolean(),
      fc.bigInt().map((big) => (big >= 0n ? big + 2n ** 53n : big - 2n ** 53n)),
      fc.uint8Array(),
    )
    fc.assert(
      fc.property(fc.array(fc.tuple(key, label)), (list) => {
        const labels = Object.fromEntries(list)
        for (const codec of [plain, rich]) {
          const arrived = codec.decodeMessage(codec.encodeMessage(sampleMessage({ labels }))).labels
          assert.deepStrictEqual(arrived, labels)
          // A result with the labels of any message can be stored.
          codec.decodeResult(codec.encodeResult(sampleResult({ labels: arrived })))
        }
      }),
      { numRuns: 500 },
    )
  })
})

describe('whatever the bytes are', () => {
  const reads = [plain, rich].flatMap((codec) => [
    (body: Body) => text(codec.encodeMessage(codec.decodeMessage(body))),
    (body: Body) => text(codec.encodeResult(codec.decodeResult(body))),
    (body: Body) => text(codec.encodeProgress(codec.decodeProgress(body))),
  ])
  /** Either it is refused as malformed, or what was read can be written and read again. */
  const holds = (body: Body): void => {
    for (const read of reads) {
      let written: string
      try {
        written = read(body)
      } catch (error) {
        if (!isTaskwrightError(error, 'MALFORMED_MESSAGE')) throw error
        continue
      }
      assert.equal(read(written), written)
    }
  }

  it('is read or refused', () => {
    fc.assert(fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.uint8Array()), holds))
  })

  it('is read or refused where it is JSON', () => {
    const wireNames = fc.constantFrom(
      ...['task_id', 'task_name', 'labels', 'labels_types', 'args', 'kwargs', 'state', 'meta'],
      ...['is_err', 'return_value', 'execution_time', 'error', 'exc_type', 'exc_message', 'tw'],
    )
    const tree = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        fc.jsonValue({ noUnicodeString: false }),
        fc.dictionary(wireNames, tie('value'), { maxKeys: 8 }),
        fc.array(tie('value'), { maxLength: 3 }),
      ),
    })).value // prettier-ignore
    fc.assert(
      fc.property(tree, (value) => holds(JSON.stringify(value))),
      { numRuns: 500 },
    )
  })

  it('is read or refused where it was a message once', () => {
    const valid = fc.oneof(
      members(data(true)).map((parts) => text(rich.encodeMessage(sampleMessage(parts)))),
      data(true).map((value) => text(rich.encodeResult(sampleResult({ value })))),
    )
    const edits = fc.array(
      fc.tuple(
        fc.nat(),
        fc.constantFrom(...Array.from('[]{}":,\\0919eE+-.$_unltf \u0000é')),
        fc.boolean(),
      ),
      { maxLength: 6 },
    )
    const bytes = fc.tuple(valid, edits, fc.nat()).map(([body, changes, end]) => {
      let edited = body
      for (const [place, character, insert] of changes) {
        const at = place % (edited.length + 1)
        edited = edited.slice(0, at) + character + edited.slice(at + (insert ? 0 : 1))
      }
      return end % 3 === 0 ? edited.slice(0, end % (edited.length + 1)) : edited
    })
    fc.assert(
      fc.property(bytes, fc.nat(), fc.nat(255), (body, at, byte) => {
        holds(body)
        const raw = new TextEncoder().encode(body)
        if (raw.length > 0) raw[at % raw.length] = byte
        holds(raw)
      }),
      { numRuns: 1500 },
    )
  })
})
