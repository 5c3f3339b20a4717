import assert from 'node:assert/strict'
import type { TransportBehaviour } from './harness.ts'
import {
  bodiesOf,
  end,
  endAll,
  idsOf,
  look,
  message,
  messages,
  nothing,
  only,
  post,
  resultOf,
  slack,
  take,
} from './verbs.ts'

/** Sending: order, batches, and the same id twice. */
export const enqueueBehaviours: readonly TransportBehaviour[] = [
  {
    name: 'enqueue: hands messages out in the order in which they were sent',
    async run(harness) {
      const { transport } = await harness.open()
      const sent = messages(harness, 6)
      assert.deepEqual(await transport.send(sent.slice(0, 4)), Array(4).fill('stored'))
      await transport.send(sent.slice(4))
      assert.deepEqual(bodiesOf(await look(harness, transport)), ['0', '1', '2', '3', '4', '5'])
    },
  },
  {
    name: 'enqueue: stores nothing for an empty batch',
    async run(harness) {
      const { transport } = await harness.open()
      assert.deepEqual(await transport.send([]), [])
      await nothing(harness, transport)
    },
  },
  {
    name: 'enqueue: a delivery carries what was sent and when',
    async run(harness) {
      const { transport } = await harness.open()
      const before = harness.now()
      const sent = await post(harness, transport, { priority: 7, body: '{"a":1}' })
      const after = harness.now()
      const delivery = await take(harness, transport)
      const { id, queue, priority, body, redeliveries, expires, cancelled } = delivery
      assert.deepEqual({ id, queue, priority, body }, sent)
      assert.deepEqual([redeliveries, expires, cancelled], [0, undefined, undefined])
      assert.ok(delivery.enqueuedAt >= before && delivery.enqueuedAt <= after)
    },
  },
  {
    name: 'enqueue: an id that waits is known, and the first message stays',
    async run(harness) {
      const { transport } = await harness.open()
      const sent = await post(harness, transport, { body: 'first' })
      assert.deepEqual(await transport.send([{ ...sent, body: 'second' }]), ['known'])
      assert.deepEqual(bodiesOf(await look(harness, transport)), ['first'])
    },
  },
  {
    name: 'enqueue: an id twice in one batch is one message',
    async run(harness) {
      const { transport } = await harness.open()
      const [a, b] = [message(harness), message(harness)]
      assert.deepEqual(await transport.send([a, b, a]), ['stored', 'stored', 'known'])
      assert.deepEqual(idsOf(await look(harness, transport)), [a.id, b.id])
    },
  },
  {
    name: 'enqueue: an id is known in every queue',
    async run(harness) {
      const { transport } = await harness.open()
      const sent = await post(harness, transport)
      const elsewhere = `${harness.queue}-other`
      assert.deepEqual(await transport.send([{ ...sent, queue: elsewhere }]), ['known'])
      await nothing(harness, transport, { queues: [elsewhere] })
    },
  },
  {
    name: 'enqueue: an id that runs is known',
    async run(harness) {
      const { transport } = await harness.open()
      const sent = await post(harness, transport)
      const delivery = await take(harness, transport)
      assert.deepEqual(await transport.send([sent]), ['known'])
      await nothing(harness, transport)
      assert.equal(await end(transport, delivery), 'settled')
    },
  },
  {
    name: 'enqueue: an id that is scheduled is known',
    needs: 'delayed',
    async run(harness) {
      const { transport } = await harness.open()
      const sent = await post(harness, transport, { delay: 60_000 })
      const now = { id: sent.id, queue: sent.queue, priority: 4, body: 'now' }
      assert.deepEqual(await transport.send([now]), ['known'])
      await nothing(harness, transport)
    },
  },
  {
    name: 'enqueue: an id that lies in the dead letters is known',
    async run(harness) {
      const { transport } = await harness.open()
      const sent = await post(harness, transport)
      const outcome = { kind: 'setAside', reason: 'failed', detail: 'why' } as const
      await end(transport, await take(harness, transport), { outcome })
      assert.deepEqual(await transport.send([sent]), ['known'])
      await nothing(harness, transport)
    },
  },
  {
    name: 'enqueue: an id is known while its result is kept, and new again after that',
    needs: 'atomicResults',
    async run(harness) {
      const { transport } = await harness.open()
      const sent = await post(harness, transport)
      const result = { ...resultOf(sent), expiresIn: harness.lease }
      await end(transport, await take(harness, transport), { result })
      assert.deepEqual(await transport.send([sent]), ['known'])
      await nothing(harness, transport)
      await harness.advance(harness.lease + slack)
      assert.deepEqual(await transport.send([sent]), ['stored'])
      assert.deepEqual(idsOf(await look(harness, transport)), [sent.id])
    },
  },
  {
    name: 'enqueue: an id is known while a result that was saved by itself is kept',
    needs: 'atomicResults',
    async run(harness) {
      const { transport, results } = await harness.open()
      const sent = message(harness)
      await results.save([resultOf(sent)])
      assert.deepEqual(await transport.send([sent]), ['known'])
      await results.delete([sent.id])
      assert.deepEqual(await transport.send([sent]), ['stored'])
    },
  },
  {
    name: 'enqueue: an id that ended without a result is new again',
    async run(harness) {
      const { transport } = await harness.open()
      const sent = await post(harness, transport)
      await endAll(transport, await look(harness, transport))
      assert.deepEqual(await transport.send([sent]), ['stored'])
      const again = only(await look(harness, transport))
      assert.deepEqual([again.id, again.redeliveries], [sent.id, 0])
    },
  },
  {
    name: 'enqueue: concurrent sends of one id store it once',
    async run(harness) {
      const [a, b] = [await harness.open(), await harness.open()]
      const sent = message(harness)
      const sends = Array.from({ length: 10 }, (_, i) => (i % 2 ? a : b).transport.send([sent]))
      const statuses = (await Promise.all(sends)).flat()
      assert.equal(statuses.filter((status) => status === 'stored').length, 1)
      assert.deepEqual(idsOf(await look(harness, a.transport)), [sent.id])
    },
  },
]
