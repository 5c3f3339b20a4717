import assert from 'node:assert/strict'
import type { CodecBehaviour } from './behaviour.ts'
import { refuses, sent, stored } from './carry.ts'

/** What is too large, too deep, or a trap. */
export const limitBehaviours: readonly CodecBehaviour[] = [
  {
    name: 'limits: a cycle is refused with its path',
    run: (codec) => {
      const cycle: Record<string, unknown> = {}
      cycle['again'] = [cycle]
      const message = refuses('DATA_NOT_PLAIN', () => sent(codec, { args: [cycle] }))
      assert.match(message, /args\[0\]\.again\[0\].*cycle/)
    },
  },
  {
    name: 'limits: data nested 100 000 deep is refused, not overflowed',
    run: (codec) => {
      let deep: unknown = 1
      for (let i = 0; i < 100_000; i++) deep = i % 2 === 0 ? [deep] : { a: deep }
      refuses('DATA_NOT_PLAIN', () => sent(codec, { args: [deep] }))
      refuses('DATA_NOT_PLAIN', () => stored(codec, { value: deep }))
    },
  },
  {
    name: 'limits: data that repeats itself without end is refused in time',
    run: (codec) => {
      let list: unknown = []
      let record: unknown = {}
      for (let i = 0; i < 40; i++) {
        list = [list, list]
        record = { a: record, b: record }
      }
      refuses('PAYLOAD_TOO_LARGE', () => sent(codec, { args: [list] }))
      refuses('PAYLOAD_TOO_LARGE', () => sent(codec, { args: [record] }))
    },
  },
  {
    name: 'limits: a sparse array of 2^32 - 1 holes is refused in time',
    run: (codec) => {
      const holes: unknown[] = []
      holes.length = 2 ** 32 - 1
      refuses('PAYLOAD_TOO_LARGE', () => sent(codec, { args: [holes] }))
    },
  },
  {
    name: 'limits: a text of 64 MB is refused',
    run: (codec) => {
      refuses('PAYLOAD_TOO_LARGE', () => sent(codec, { args: ['x'.repeat(64 * 1024 * 1024)] }))
    },
  },
  {
    name: 'limits: __proto__ is refused as a key, not as a text',
    run: (codec) => {
      const made: Record<string, unknown> = {}
      Object.defineProperty(made, '__proto__', { value: 1, enumerable: true })
      const message = refuses('DATA_NOT_PLAIN', () => sent(codec, { args: [{ a: made }] }))
      assert.ok(message.includes('args[0].a.__proto__'), message)
      refuses('DATA_NOT_PLAIN', () => sent(codec, { kwargs: made }))
      refuses('DATA_NOT_PLAIN', () => stored(codec, { value: made }))
      assert.deepStrictEqual(sent(codec, { args: ['__proto__'] }).args, ['__proto__'])
    },
  },
  {
    name: 'limits: what throws while it is read is refused',
    run: (codec) => {
      const trap = {
        get bad(): number {
          throw new RangeError('from the user')
        },
      }
      refuses('DATA_NOT_PLAIN', () => sent(codec, { args: [trap] }))
    },
  },
]
