import assert from 'node:assert/strict'
import type { TransportBehaviour } from './harness.ts'
import {
  bodiesOf,
  end,
  idsOf,
  longLease,
  look,
  message,
  messages,
  nothing,
  only,
  post,
  resultOf,
  slack,
  take,
  waitFor,
} from './verbs.ts'

/** Leases: redelivery, fencing, extension. */
export const leaseBehaviours: readonly TransportBehaviour[] = [
  {
    name: 'lease: a message comes again when its lease ends, and the redeliveries are counted',
    async run(harness) {
      const { transport } = await harness.open()
      const sent = await post(harness, transport)
      const tokens = new Set()
      for (const redeliveries of [0, 1, 2]) {
        const delivery = await take(harness, transport, { lease: harness.lease })
        assert.deepEqual([delivery.id, delivery.redeliveries], [sent.id, redeliveries])
        tokens.add(delivery.token)
        if (harness.exactTime) await harness.advance(harness.lease - 1)
        await nothing(harness, transport)
        await harness.advance(harness.lease + slack)
      }
      assert.equal(tokens.size, 3)
    },
  },
  {
    name: 'lease: a waiting receive wakes when the lease of another ends',
    async run(harness) {
      const [a, b] = [await harness.open(), await harness.open()]
      const sent = await post(harness, a.transport)
      await take(harness, a.transport, { lease: harness.lease })
      const waiting = waitFor(harness, b.transport)
      await harness.advance(harness.lease + slack)
      const again = only(await waiting)
      assert.deepEqual([again.id, again.redeliveries], [sent.id, 1])
    },
  },
  {
    name: 'lease: a receive that waited before the claim wakes when that lease ends',
    async run(harness) {
      const [a, b, c] = [await harness.open(), await harness.open(), await harness.open()]
      const first = waitFor(harness, a.transport, { lease: harness.lease, room: 1 })
      const second = waitFor(harness, b.transport, { lease: harness.lease, room: 1 })
      const sent = await post(harness, c.transport)
      const got = only(await Promise.race([first, second]))
      await harness.advance(harness.lease + slack)
      const both = (await Promise.all([first, second])).flat()
      assert.deepEqual(idsOf(both), [sent.id, sent.id])
      assert.deepEqual(new Set(both.map(({ redeliveries }) => redeliveries)), new Set([0, 1]))
      assert.equal(got.redeliveries, 0)
    },
  },
  {
    name: 'lease: a late settle is taken, later gone, and writes nothing',
    async run(harness) {
      const [a, b] = [await harness.open(), await harness.open()]
      await post(harness, a.transport)
      const late = await take(harness, a.transport, { lease: harness.lease })
      await harness.advance(harness.lease + slack)
      const current = await take(harness, b.transport)
      const rest = { result: resultOf(late, 'late'), followUps: [message(harness)] }
      assert.equal(await end(a.transport, late, rest), 'taken')
      const outcome = { kind: 'setAside', reason: 'failed', detail: 'late' } as const
      assert.equal(await end(a.transport, late, { outcome }), 'taken')
      assert.deepEqual(await a.results.get([late.id]), [null])
      await nothing(harness, a.transport)
      assert.equal(await end(b.transport, current), 'settled')
      assert.equal(await end(a.transport, late, rest), 'gone')
      assert.deepEqual(await a.results.get([late.id]), [null])
      await nothing(harness, a.transport)
    },
  },
  {
    name: 'lease: extending keeps the message',
    async run(harness) {
      const [a, b] = [await harness.open(), await harness.open()]
      await post(harness, a.transport)
      const delivery = await take(harness, a.transport, { lease: harness.lease })
      const report = await a.transport.extend([delivery], longLease)
      assert.deepEqual(report, { lost: [], cancelled: [] })
      await harness.advance(harness.lease + slack)
      await nothing(harness, b.transport)
      assert.equal(await end(a.transport, delivery), 'settled')
    },
  },
  {
    name: 'lease: extending moves the end to so many milliseconds from now',
    async run(harness) {
      const [a, b] = [await harness.open(), await harness.open()]
      const sent = await post(harness, a.transport)
      const delivery = await take(harness, a.transport)
      await a.transport.extend([delivery], harness.lease)
      await nothing(harness, b.transport)
      const waiting = waitFor(harness, b.transport)
      await harness.advance(harness.lease + slack)
      assert.deepEqual(idsOf(await waiting), [sent.id])
    },
  },
  {
    name: 'lease: extending reports lost claims and extends the others',
    async run(harness) {
      const [a, b] = [await harness.open(), await harness.open()]
      await a.transport.send(messages(harness, 3))
      const [settled, lost, kept] = await look(harness, a.transport, { lease: harness.lease })
      assert.ok(settled && lost && kept)
      await end(a.transport, settled)
      await a.transport.release([lost])
      const taken = await take(harness, b.transport)
      const report = await a.transport.extend([settled, lost, kept], longLease)
      assert.deepEqual(
        report.lost.map(({ id, token }) => [id, token]),
        [settled, lost].map(({ id, token }) => [id, token]),
      )
      await harness.advance(harness.lease + slack)
      await nothing(harness, b.transport)
      assert.equal(await end(a.transport, kept), 'settled')
      assert.equal(await end(b.transport, taken), 'settled')
    },
  },
  {
    name: 'lease: a lost claim cannot extend the lease of the present holder',
    async run(harness) {
      const [a, b] = [await harness.open(), await harness.open()]
      const sent = await post(harness, a.transport)
      const late = await take(harness, a.transport, { lease: harness.lease })
      await harness.advance(harness.lease + slack)
      await take(harness, b.transport, { lease: harness.lease })
      await a.transport.extend([late], longLease)
      await harness.advance(harness.lease + slack)
      assert.equal((await take(harness, a.transport)).id, sent.id)
    },
  },
  {
    name: 'lease: a message that comes again keeps its place before later ones',
    async run(harness) {
      const { transport } = await harness.open()
      await transport.send(messages(harness, 4))
      await look(harness, transport, { room: 2, lease: harness.lease })
      await harness.advance(harness.lease + slack)
      assert.deepEqual(bodiesOf(await look(harness, transport)), ['0', '1', '2', '3'])
    },
  },
]
