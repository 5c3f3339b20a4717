import assert from 'node:assert/strict'
import type { TransportBehaviour } from './harness.ts'
import { bodiesOf, end, idsOf, look, messages, only, post, slack, take, waitFor } from './verbs.ts'

/** Giving back. */
export const releaseBehaviours: readonly TransportBehaviour[] = [
  {
    name: 'release: anybody may claim it at once, and no budget is used up',
    async run(harness) {
      const [a, b] = [await harness.open(), await harness.open()]
      const sent = await post(harness, a.transport)
      for (let round = 0; round < 3; round++) {
        const delivery = await take(harness, a.transport)
        assert.deepEqual(await a.transport.release([delivery]), ['settled'])
      }
      const again = await take(harness, b.transport)
      assert.deepEqual([again.id, again.redeliveries], [sent.id, 0])
    },
  },
  {
    name: 'release: redeliveries that were counted before stay',
    async run(harness) {
      const { transport } = await harness.open()
      await post(harness, transport)
      await take(harness, transport, { lease: harness.lease })
      await harness.advance(harness.lease + slack)
      const second = await take(harness, transport)
      await transport.release([second])
      assert.deepEqual([second.redeliveries, (await take(harness, transport)).redeliveries], [1, 1])
    },
  },
  {
    name: 'release: messages go back to the front, in their order',
    async run(harness) {
      const { transport } = await harness.open()
      await transport.send(messages(harness, 5))
      const got = await look(harness, transport, { room: 3 })
      await transport.release([...got].reverse())
      assert.deepEqual(bodiesOf(await look(harness, transport)), ['0', '1', '2', '3', '4'])
    },
  },
  {
    name: 'release: is fenced, and answers for each in order',
    async run(harness) {
      const [a, b] = [await harness.open(), await harness.open()]
      await a.transport.send(messages(harness, 3))
      const [settled, lost, mine] = await look(harness, a.transport, { lease: harness.lease })
      assert.ok(settled && lost && mine)
      await end(a.transport, settled)
      await a.transport.release([lost])
      const taken = await take(harness, b.transport)
      const answers = await a.transport.release([settled, lost, mine, mine])
      assert.deepEqual(answers, ['gone', 'taken', 'settled', 'taken'])
      assert.equal(await end(b.transport, taken), 'settled')
      assert.deepEqual(await a.transport.release([]), [])
    },
  },
  {
    name: 'release: the claim is over',
    async run(harness) {
      const { transport } = await harness.open()
      await post(harness, transport)
      const first = await take(harness, transport)
      await transport.release([first])
      assert.equal(await end(transport, first), 'taken')
      assert.equal(only((await transport.extend([first], 60_000)).lost).id, first.id)
      await take(harness, transport)
    },
  },
  {
    name: 'release: wakes a waiting receive',
    async run(harness) {
      const [a, b] = [await harness.open(), await harness.open()]
      const sent = await post(harness, a.transport)
      const delivery = await take(harness, a.transport)
      const waiting = waitFor(harness, b.transport)
      await a.transport.release([delivery])
      assert.deepEqual(idsOf(await waiting), [sent.id])
    },
  },
]
