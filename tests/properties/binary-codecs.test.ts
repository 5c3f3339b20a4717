import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, it } from 'vitest'
import { op, refusedOpcodes } from '../../src/codecs/pickle-opcodes.ts'
import { taskiqCbor } from '../../src/codecs/taskiq-cbor.ts'
import { taskiqMsgpack } from '../../src/codecs/taskiq-msgpack.ts'
import { taskiqPickle } from '../../src/codecs/taskiq-pickle.ts'
import type { Codec } from '../../src/core/codec.ts'
import { isTaskwrightError } from '../../src/core/errors.ts'
import type { Body } from '../../src/core/message.ts'
import { sampleMessage, sampleResult } from '../../src/testing/codec/carry.ts'

const codecs = [
  ['pickle', taskiqPickle()],
  ['msgpack', taskiqMsgpack()],
  ['cbor', taskiqCbor()],
] as const

/** Data that the format has a word for. */
function data({ capabilities }: Codec): fc.Arbitrary<unknown> {
  const { anyText, anyInteger } = capabilities
  const text = anyText ? fc.string({ unit: 'binary' }) : fc.string({ unit: 'grapheme' })
  const halves = fc.string({
    unit: fc.constantFrom('\ud800', '\udc00', '\ud83d', '\ude00', 'a', '€'),
  })
  const key = (anyText ? fc.oneof(text, halves) : text).filter((name) => name !== '__proto__')
  return fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 5 },
      tie('leaf'),
      fc.array(tie('value'), { maxLength: 20 }),
      fc.array(fc.tuple(key, tie('value')), { maxLength: 20 }).map((list) => Object.fromEntries(list)),
    ),
    leaf: fc.oneof(
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.integer(),
      fc.maxSafeInteger(),
      fc.constantFrom(-0, 1e20, 2 ** 53, 255, 256, 65535, 65536, 2 ** 31, -(2 ** 31), 2 ** 32),
      fc.boolean(),
      fc.constant(null),
      text,
      fc.nat(70_000).map((length) => 'x'.repeat(length)),
      ...(anyText ? [halves] : []),
      fc.bigInt(2n ** 53n, anyInteger ? 2n ** 3000n : 2n ** 64n - 1n),
      fc.bigInt(anyInteger ? -(2n ** 3000n) : -(2n ** 63n), -(2n ** 53n)),
    ),
  })).value // prettier-ignore
}

/** Either it is refused as malformed, or what was read can be written and read again. */
function holds(codec: Codec, body: Body): void {
  const reads = [
    (given: Body) => codec.encodeMessage(codec.decodeMessage(given)),
    (given: Body) => codec.encodeResult(codec.decodeResult(given)),
    (given: Body) => codec.encodeProgress(codec.decodeProgress(given)),
  ]
  for (const read of reads) {
    let written: Body
    try {
      written = read(body)
    } catch (error) {
      // A few bytes may refer to a long text many times over: too large to be written in full.
      if (isTaskwrightError(error, 'MALFORMED_MESSAGE')) continue
      if (isTaskwrightError(error, 'PAYLOAD_TOO_LARGE')) continue
      throw error
    }
    assert.deepEqual(read(written), written)
  }
}

describe.each(codecs)('any data in %s', (_, codec) => {
  it('arrives as itself in messages, results and progress', () => {
    fc.assert(
      fc.property(data(codec), (value) => {
        const message = sampleMessage({ args: [value], kwargs: { value } })
        assert.deepStrictEqual(codec.decodeMessage(codec.encodeMessage(message)), message)
        const result = sampleResult({ value })
        assert.deepStrictEqual(codec.decodeResult(codec.encodeResult(result)), result)
        const progress = { state: 's', meta: value }
        assert.deepStrictEqual(codec.decodeProgress(codec.encodeProgress(progress)), progress)
      }),
      { numRuns: 150 },
    )
  })

  it('is read or refused when its bytes were changed', () => {
    const edits = fc.array(fc.tuple(fc.nat(), fc.nat(255), fc.boolean()), { maxLength: 5 })
    const json = fc
      .jsonValue({ maxDepth: 3 })
      .filter((value) => !JSON.stringify(value).includes('__proto__'))
    const small = fc.oneof(
      json.map((meta) => codec.encodeProgress({ state: 's', meta })),
      json.map((value) => codec.encodeResult(sampleResult({ value }))),
      json.map((arg) => codec.encodeMessage(sampleMessage({ args: [arg] }))),
    ) // prettier-ignore
    fc.assert(
      fc.property(small, edits, fc.nat(), (body, changes, end) => {
        let bytes = Buffer.from(body)
        for (const [place, byte, insert] of changes) {
          const at = place % (bytes.length + 1)
          bytes = Buffer.concat([
            bytes.subarray(0, at),
            Buffer.of(byte),
            bytes.subarray(at + (insert ? 0 : 1)),
          ])
        }
        holds(codec, bytes)
        holds(codec, bytes.subarray(0, end % (bytes.length + 1)))
      }),
      { numRuns: 1500 },
    )
  })

  it('is read or refused whatever the bytes are', () => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), fc.string()), (body) =>
        holds(codec, body),
      ),
      { numRuns: 1500 },
    )
  })
})

describe('programs of pickle opcodes', () => {
  const codec = taskiqPickle()
  const codes = fc.constantFrom(...Object.values(op))
  const argument = fc.oneof(
    fc.constant(Buffer.alloc(0)),
    fc.uint8Array({ maxLength: 9 }).map((bytes) => Buffer.from(bytes)),
    fc.constantFrom('0\n', '1\n', '01\n', '2.5\n', '7L\n', 'text\n').map((text) => Buffer.from(text)),
    fc.string({ maxLength: 5 }).map((text) => Buffer.concat([Buffer.of(Buffer.byteLength(text)), Buffer.from(text)])),
  ) // prettier-ignore
  const program = fc
    .array(fc.tuple(codes, argument), { maxLength: 40 })
    .map((steps) =>
      Buffer.concat([
        ...steps.flatMap(([code, rest]) => [Buffer.of(code), rest]),
        Buffer.from('.'),
      ]),
    )

  it('of data are read or refused', () => {
    fc.assert(
      fc.property(program, (body) => holds(codec, body)),
      { numRuns: 3000 },
    )
  })

  it('with any other opcode in any place are refused', () => {
    const other = fc.constantFrom(...refusedOpcodes.keys())
    const before = fc.constantFrom('', 'N', '}', ']', '(', '(N', '}(X\x01\0\0\0aN', ')', 'K\x01')
    fc.assert(
      fc.property(before, other, program, (head, code, rest) => {
        const body = Buffer.concat([Buffer.from(head, 'latin1'), Buffer.of(code), rest])
        const name = refusedOpcodes.get(code)
        assert.throws(
          () => codec.decodeProgress(body),
          new RegExp(`opcode ${String(name)}, which is refused`),
        )
      }),
      { numRuns: 1000 },
    )
  })

  it('every byte is an opcode that is run, or one that is refused, or none', () => {
    const run = new Set<number>(Object.values(op))
    for (let code = 0; code < 256; code++) {
      assert.ok(!(run.has(code) && refusedOpcodes.has(code)), `0x${code.toString(16)}`)
      if (run.has(code) || refusedOpcodes.has(code)) continue
      assert.throws(() => codec.decodeProgress(Buffer.of(code)), /is no opcode/)
    }
    assert.equal(run.size + refusedOpcodes.size, 68)
  })
})
