import assert from 'node:assert/strict'
import type { CodecBehaviour } from './behaviour.ts'
import { refuses, sampleMessage, sent } from './carry.ts'

/** Messages and their labels. */
export const messageBehaviours: readonly CodecBehaviour[] = [
  {
    name: 'messages: id, task, arguments and labels arrive',
    run: (codec) => {
      const message = sampleMessage({
        id: '019a3b5c7d9e0000ffffffffffffffff',
        task: 'päckchen:zählen "x"',
        args: [1, 'two', null],
        kwargs: { three: [3] },
        labels: { tenant: 'acme', priority: 4 },
      })
      assert.deepStrictEqual(codec.decodeMessage(codec.encodeMessage(message)), message)
    },
  },
  {
    name: 'messages: a body is read from text and from bytes alike',
    run: (codec) => {
      const body = codec.encodeMessage(sampleMessage({ args: ['é €'] }))
      const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body
      assert.deepStrictEqual(codec.decodeMessage(bytes), codec.decodeMessage(body))
    },
  },
  {
    name: 'labels: texts, numbers, booleans and bytes keep their types',
    run: (codec) => {
      const labels = {
        text: 'x',
        empty: '',
        digits: '5',
        word: 'True',
        int: 5,
        negative: -3,
        float: 1.5,
        tiny: 5e-324,
        huge: 1e300,
        yes: true,
        no: false,
        bytes: new Uint8Array([0, 255, 10]),
        none: new Uint8Array(),
        big: 2n ** 70n,
        constructor: 'not a function',
      }
      assert.deepStrictEqual(sent(codec, { labels }).labels, labels)
    },
  },
  {
    name: 'messages: half of a surrogate pair arrives wherever it is, or is refused there',
    run: (codec) => {
      const half = 'a\ud800'
      for (const parts of [
        { task: half },
        { labels: { half } },
        { labels: { [half]: 1 } },
        { kwargs: { [half]: 1 } },
        { args: [{ [half]: 1 }] },
      ]) {
        if (codec.capabilities.anyText) {
          assert.deepStrictEqual(sent(codec, parts), sampleMessage(parts))
        } else refuses('DATA_NOT_PLAIN', () => sent(codec, parts))
      }
    },
  },
  {
    name: 'labels: a bigint that fits into a number arrives as a number',
    run: (codec) => assert.deepStrictEqual(sent(codec, { labels: { n: 5n } }).labels, { n: 5 }),
  },
  ...[
    { name: 'a bigint of 5000 digits', label: 10n ** 5000n },
    { name: 'null', label: null },
    { name: 'an object', label: { a: 1 } },
    { name: 'an array', label: [1] },
    { name: 'a Date', label: new Date(0) },
  ].map(({ name, label }): CodecBehaviour => {
    return {
      name: `labels: ${name} is refused`,
      run: (codec) => {
        const labels: Record<string, never> = {}
        Object.defineProperty(labels, 'wrong', { value: label, enumerable: true })
        const message = refuses('DATA_NOT_PLAIN', () => sent(codec, { labels }))
        assert.ok(message.includes('labels.wrong'), message)
      },
    }
  }),
]
