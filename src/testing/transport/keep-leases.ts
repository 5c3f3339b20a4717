import assert from 'node:assert/strict'
import type { Claim } from '../../core/delivery.ts'
import type { LeaseKeeper } from '../../core/transport.ts'
import type { OpenTransport } from '../../core/vendor.ts'
import type { TransportBehaviour, TransportHarness } from './harness.ts'
import { end, longLease, look, messages, nothing, post, slack, take } from './verbs.ts'

interface Kept {
  readonly keeper: LeaseKeeper
  readonly lost: string[]
  readonly cancelled: string[]
  readonly errors: unknown[]
}

function keep(
  harness: TransportHarness,
  { transport }: OpenTransport,
  lease: number = harness.lease,
): Kept {
  const lost: string[] = []
  const cancelled: string[] = []
  const errors: unknown[] = []
  const keeper = transport.keepLeases({
    lease,
    every: Math.floor(lease / 4),
    stallLimit: longLease,
    onLost: (claims: readonly Claim[]) => void lost.push(...claims.map(({ id }) => id)),
    onCancelled: ({ id }, reason) => void cancelled.push(`${id} ${reason}`),
    onError: (error) => void errors.push(error),
  })
  return { keeper, lost, cancelled, errors }
}

function every({ lease }: TransportHarness): number {
  return Math.floor(lease / 4)
}

/** Renewing leases in the background. */
export const keepLeaseBehaviours: readonly TransportBehaviour[] = [
  {
    name: 'keeping leases: renews what is kept, for longer than one lease',
    async run(harness) {
      const [a, b] = [await harness.open(), await harness.open()]
      await a.transport.send(messages(harness, 3))
      // In real time a busy machine may stand still for longer than a short lease, which is lost then.
      const lease = harness.exactTime ? harness.lease : 4 * harness.lease
      const { keeper, ...told } = keep(harness, a, lease)
      const got = await look(harness, a.transport, { lease })
      keeper.keep(got)
      await harness.advance(2 * lease)
      await nothing(harness, b.transport)
      for (const delivery of got) assert.equal(await end(a.transport, delivery), 'settled')
      keeper.forget(got)
      await keeper.stop()
      assert.deepEqual(told, { lost: [], cancelled: [], errors: [] })
    },
  },
  {
    name: 'keeping leases: does not renew what was forgotten',
    async run(harness) {
      const [a, b] = [await harness.open(), await harness.open()]
      await a.transport.send(messages(harness, 2))
      const { keeper, lost } = keep(harness, a)
      const got = await look(harness, a.transport, { lease: harness.lease })
      const [forgotten, kept] = got
      assert.ok(forgotten && kept)
      keeper.keep(got)
      await harness.advance(every(harness))
      keeper.forget([forgotten])
      await harness.advance(harness.lease + every(harness) + slack)
      assert.equal((await take(harness, b.transport, { room: 9 })).id, forgotten.id)
      assert.deepEqual(lost, [])
      await keeper.stop()
    },
  },
  {
    name: 'keeping leases: renews nothing after its stop, which may be called twice',
    async run(harness) {
      const [a, b] = [await harness.open(), await harness.open()]
      const sent = await post(harness, a.transport)
      const { keeper } = keep(harness, a)
      keeper.keep([await take(harness, a.transport, { lease: harness.lease })])
      await Promise.all([keeper.stop(), keeper.stop()])
      await keeper.stop()
      await harness.advance(harness.lease + slack)
      assert.equal((await take(harness, b.transport)).id, sent.id)
    },
  },
  {
    name: 'keeping leases: tells once of a claim that was lost, and keeps the others',
    async run(harness) {
      const [a, b] = [await harness.open(), await harness.open()]
      await a.transport.send(messages(harness, 2))
      const { keeper, lost, errors } = keep(harness, a)
      const [stolen, kept] = await look(harness, a.transport, { lease: harness.lease })
      assert.ok(stolen && kept)
      await a.transport.release([stolen])
      await take(harness, b.transport)
      keeper.keep([stolen, kept])
      await harness.advance(3 * harness.lease)
      assert.deepEqual([lost, errors], [[stolen.id], []])
      await nothing(harness, b.transport)
      assert.equal(await end(a.transport, kept), 'settled')
      await keeper.stop()
    },
  },
  {
    name: 'keeping leases: tells of a cancellation by another instance, and goes on renewing',
    async run(harness) {
      const [a, b] = [await harness.open(), await harness.open()]
      await post(harness, a.transport)
      const { keeper, lost, cancelled } = keep(harness, a)
      const delivery = await take(harness, a.transport, { lease: harness.lease })
      keeper.keep([delivery])
      await b.transport.cancel([delivery.id], { reason: 'not needed', lease: longLease })
      await harness.advance(2 * harness.lease)
      assert.deepEqual([...new Set(cancelled)], [`${delivery.id} not needed`])
      assert.deepEqual(lost, [])
      await nothing(harness, b.transport)
      const outcome = { kind: 'cancelled', reason: 'not needed' } as const
      assert.equal(await end(a.transport, delivery, { outcome }), 'settled')
      await keeper.stop()
    },
  },
]
