import assert from 'node:assert/strict'
import type { TransportBehaviour } from './harness.ts'
import { end, idsOf, look, messages, nothing, post, slack, take } from './verbs.ts'

/** Suspects: messages whose last lease was lost. */
export const suspectBehaviours: readonly TransportBehaviour[] = [
  {
    name: 'suspects: come first, and no more of them than the receive allows',
    async run(harness) {
      const { transport } = await harness.open()
      const lost = messages(harness, 3)
      await transport.send(lost)
      await look(harness, transport, { lease: harness.lease })
      const fresh = messages(harness, 2)
      await transport.send(fresh)
      await harness.advance(harness.lease + slack)
      const [first = { id: '' }, ...rest] = lost
      const got = await look(harness, transport, { suspects: 1 })
      assert.deepEqual(idsOf(got), [first.id, ...idsOf(fresh)])
      await nothing(harness, transport, { suspects: 0 })
      assert.deepEqual(idsOf(await look(harness, transport)), idsOf(rest))
    },
  },
  {
    name: 'suspects: no limit where none is given, and the room counts them',
    async run(harness) {
      const { transport } = await harness.open()
      await transport.send(messages(harness, 3))
      await look(harness, transport, { lease: harness.lease })
      await harness.advance(harness.lease + slack)
      assert.equal((await look(harness, transport, { room: 2 })).length, 2)
    },
  },
  {
    name: 'suspects: one that was given back is still one',
    async run(harness) {
      const { transport } = await harness.open()
      const sent = await post(harness, transport)
      await take(harness, transport, { lease: harness.lease })
      await harness.advance(harness.lease + slack)
      const suspect = await take(harness, transport, { suspects: 1 })
      assert.deepEqual(await transport.release([suspect]), ['settled'])
      await nothing(harness, transport, { suspects: 0 })
      assert.deepEqual(idsOf(await look(harness, transport, { suspects: 1 })), [sent.id])
    },
  },
  {
    name: 'suspects: a retry starts with a clean sheet',
    needs: 'delayed',
    async run(harness) {
      const { transport } = await harness.open()
      await post(harness, transport)
      await take(harness, transport, { lease: harness.lease })
      await harness.advance(harness.lease + slack)
      const suspect = await take(harness, transport)
      assert.equal(suspect.redeliveries, 1)
      const outcome = { kind: 'retry', delay: 0, body: 'again' } as const
      assert.equal(await end(transport, suspect, { outcome }), 'settled')
      assert.equal((await take(harness, transport, { suspects: 0 })).redeliveries, 0)
    },
  },
  {
    name: 'suspects: the limit holds over many queues',
    async run(harness) {
      const { transport } = await harness.open()
      const other = `${harness.queue}-other`
      await transport.send([...messages(harness, 2), ...messages(harness, 2, { queue: other })])
      const queues = [harness.queue, other]
      await look(harness, transport, { queues, lease: harness.lease })
      await harness.advance(harness.lease + slack)
      assert.equal((await look(harness, transport, { queues, suspects: 1 })).length, 1)
    },
  },
  {
    name: 'retry: into another queue, with the same id',
    needs: 'delayed',
    async run(harness) {
      const { transport } = await harness.open()
      const sent = await post(harness, transport)
      const other = `${harness.queue}-elsewhere`
      const outcome = { kind: 'retry', delay: 0, body: 'moved', queue: other } as const
      assert.equal(await end(transport, await take(harness, transport), { outcome }), 'settled')
      await nothing(harness, transport)
      const moved = await take(harness, transport, { queues: [other] })
      assert.deepEqual([moved.id, moved.body, moved.queue], [sent.id, 'moved', other])
      assert.equal(await end(transport, moved), 'settled')
    },
  },
]
