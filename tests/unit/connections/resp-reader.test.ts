/** Replies are read the same, wherever a socket cuts them. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RespReader } from '../../../src/connections/redis/resp-reader.ts'
import { replyError } from '../../../src/connections/redis/redis-failure.ts'

type Tree = string | number | null | Error | readonly Tree[]

function bytesOf(tree: Tree): Buffer {
  if (tree === null) return Buffer.from('$-1\r\n')
  if (typeof tree === 'number') return Buffer.from(`:${tree}\r\n`)
  if (tree instanceof Error) return Buffer.from(`-${tree.message}\r\n`)
  if (typeof tree === 'string')
    return Buffer.from(`$${Buffer.byteLength(tree)}\r\n${tree}\r\n`, 'utf8')
  return Buffer.concat([Buffer.from(`*${tree.length}\r\n`), ...tree.map(bytesOf)])
}

/** All that comes of these pieces; `asBytes` says it for each reply. */
function read(pieces: readonly Buffer[], asBytes: readonly boolean[] = []): unknown[] {
  const replies: unknown[] = []
  const reader = new RespReader({
    wantsBytes: () => asBytes[replies.length] === true,
    onReply: (reply) => replies.push(reply),
  })
  for (const piece of pieces) reader.push(piece)
  return replies
}

function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const sorted = [0, ...places.map((place) => place % (bytes.length + 1)), bytes.length]
  sorted.sort((a, b) => a - b)
  // A socket hands out memory of its own each time.
  return sorted.slice(1).map((end, i) => Buffer.from(bytes.subarray(sorted[i], end)))
}

const text = fc.oneof(
  fc.string({ maxLength: 30 }),
  fc.string({ unit: 'grapheme', maxLength: 30 }),
  fc.constantFrom('', '\r\n', '$3\r\nabc\r\n', '*1\r\n', 'x'.repeat(500), 'ä'.repeat(300)),
)
const tree = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.oneof(
    { depthSize: 'small' },
    text,
    fc.integer(),
    fc.constant(null),
    fc.constantFrom('ERR no', 'WRONGTYPE of a key').map((message) => replyError(message)),
    fc.array(tie('tree'), { maxLength: 6 }),
  ),
})).tree

describe('a reader of replies', () => {
  it('reads what was written, however it is cut', () => {
    fc.assert(
      fc.property(
        fc.array(tree, { minLength: 1, maxLength: 5 }),
        fc.array(fc.nat(), { maxLength: 12 }),
        (trees, places) => {
          const pieces = cut(Buffer.concat(trees.map(bytesOf)), places)
          expect(read(pieces)).toEqual(trees)
        },
      ),
      { numRuns: 2000 },
    )
  })

  it('reads what comes byte by byte', () => {
    const trees: Tree[] = [['a', ['ä€😀', -12, null]], replyError('ERR no'), 'x'.repeat(300), []]
    const bytes = Buffer.concat(trees.map(bytesOf))
    expect(read(Array.from(bytes, (byte) => Buffer.from([byte])))).toEqual(trees)
  })

  it('leaves texts as bytes where that is asked, and keeps them while more comes', () => {
    const bytes = Buffer.concat([
      bytesOf(['one', [Buffer.from([0xff, 0x00]).toString('latin1')]]),
      bytesOf('two'),
      bytesOf('three'),
    ])
    // In pieces, so that all of it passes through memory that is written to again.
    const pieces = cut(
      bytes,
      Array.from({ length: bytes.length }, (_, i) => i),
    )
    const [first, second, third] = read(pieces, [true, false, true])
    expect(first).toEqual([Buffer.from('one'), [Buffer.from('ÿ\0')]])
    expect(second).toBe('two')
    expect(third).toEqual(Buffer.from('three'))
  })

  it('answers a list that is not there, a status, and errors within a list', () => {
    expect(read([Buffer.from('*-1\r\n+OK\r\n*2\r\n-ERR one\r\n:2\r\n')])).toEqual([
      null,
      'OK',
      [replyError('ERR one'), 2],
    ])
  })

  it('refuses what is no reply', () => {
    expect(() => read([Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')])).toThrow('no reply')
  })

  it('reads a large reply that comes in many pieces in a time that grows with its size only', () => {
    const many: Tree = Array.from({ length: 40_000 }, (_, i) => [
      `${i}-0`,
      ['data', 'x'.repeat(20)],
    ])
    const bytes = bytesOf(many)
    const pieces = Array.from({ length: Math.ceil(bytes.length / 1000) }, (_, i) =>
      Buffer.from(bytes.subarray(i * 1000, (i + 1) * 1000)),
    )
    // Looked at anew with each of its two thousand pieces it would take minutes.
    expect(read(pieces)).toEqual([many])
  }, 10_000)
})
