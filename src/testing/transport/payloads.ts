import assert from 'node:assert/strict'
import type { Body } from '../../core/message.ts'
import type { TransportBehaviour } from './harness.ts'
import { end, look, message, nothing, only, post, resultOf, take } from './verbs.ts'

const megabyte = 1_000_000

/** Bodies that stores get wrong. Lone surrogates are no text: whether they arrive is left to the engine. */
const texts: Readonly<Record<string, string>> = {
  'an empty text': '',
  'a text with accents and other scripts': 'äöü ß ñ – 漢字 Ελληνικά עברית',
  'characters beyond 16 bits': '😀👩‍👩‍👧‍👦𝄞𠜎',
  'control characters and a null character': '\u0000\u0001\t\r\n\u007f\u2028\ufeff',
  'quotes and backslashes': `'"\`\\ %s $1 {0} -- ; DROP TABLE`,
  'decomposed and composed forms': 'e\u0301 \u00e9',
  'a number, as text': '12345678901234567890',
  'a megabyte of text': 'ä'.repeat(megabyte / 2),
}

const bytes: Readonly<Record<string, Uint8Array>> = {
  'no bytes': new Uint8Array(0),
  'every byte': Uint8Array.from({ length: 256 }, (_, i) => i),
  'bytes that are no UTF-8': Uint8Array.of(0xff, 0xfe, 0x00, 0xc3),
  'a megabyte of bytes': Uint8Array.from({ length: megabyte }, (_, i) => (i * 31) % 256),
}

/** Asserts that a body is the same, and a text or bytes as before. */
function same(actual: Body | null | undefined, expected: Body): void {
  assert.equal(typeof actual, typeof expected)
  if (typeof expected === 'string') return assert.ok(actual === expected, 'the text is another')
  assert.ok(actual instanceof Uint8Array)
  assert.equal(Buffer.compare(actual, expected), 0)
}

function kept([what, body]: [string, Body]): TransportBehaviour {
  return {
    name: `payloads: ${what} arrives as it was`,
    async run(harness) {
      const { transport, results } = await harness.open()
      await post(harness, transport, { body })
      const delivery = await take(harness, transport)
      same(delivery.body, body)
      const followUps = [message(harness, { body })]
      await end(transport, delivery, { result: resultOf(delivery, body), followUps })
      const next = await take(harness, transport)
      same(next.body, body)
      if (!harness.capabilities.atomicResults) return
      same(only(await results.get([delivery.id])), body)
    },
  }
}

/** Bodies and ids of every kind. */
export const payloadBehaviours: readonly TransportBehaviour[] = [
  ...Object.entries(texts).map(kept),
  ...Object.entries(bytes).map(kept),
  {
    name: 'payloads: a retry may turn text into bytes',
    needs: 'delayed',
    async run(harness) {
      const { transport } = await harness.open()
      await post(harness, transport, { body: 'text' })
      const body = Uint8Array.of(1, 2, 3)
      const outcome = { kind: 'retry', delay: 0, body } as const
      await end(transport, await take(harness, transport), { outcome })
      same((await take(harness, transport)).body, body)
    },
  },
  {
    name: 'payloads: later changes to bytes that were sent or received do not reach the store',
    async run(harness) {
      const { transport } = await harness.open()
      const body = Uint8Array.of(1, 2, 3)
      await post(harness, transport, { body })
      body.fill(9)
      const first = await take(harness, transport)
      same(first.body, Uint8Array.of(1, 2, 3))
      if (first.body instanceof Uint8Array) first.body.fill(8)
      await transport.release([first])
      same((await take(harness, transport)).body, Uint8Array.of(1, 2, 3))
    },
  },
  {
    name: 'payloads: ids of every allowed form',
    async run(harness) {
      const { transport } = await harness.open()
      const own = harness.id()
      const ids = [own, `${own}.A`, `${own}.a`, `${own}:_-.x`, own.padEnd(128, 'x'), `0${own}`]
      await transport.send(ids.map((id) => message(harness, { id, body: id })))
      const got = await look(harness, transport)
      assert.deepEqual(
        got.map(({ id, body }) => [id, body]),
        ids.map((id) => [id, id]),
      )
      for (const delivery of got) assert.equal(await end(transport, delivery), 'settled')
      await nothing(harness, transport)
    },
  },
]
