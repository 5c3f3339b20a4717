import assert from 'node:assert/strict'
import type { TransportBehaviour } from './harness.ts'
import { end, idsOf, longLease, look, messages, nothing, only, post, slack, take } from './verbs.ts'

/** Claims whose answer was lost. */
export const recoverBehaviours: readonly TransportBehaviour[] = [
  {
    name: 'recover: hands out again what the instance does not know of, under a fresh claim',
    async run(harness) {
      const { transport } = await harness.open()
      await transport.send(messages(harness, 3))
      const [known, ...forgotten] = await look(harness, transport)
      assert.ok(known)
      const found = await transport.recover([known.token], longLease)
      assert.deepEqual(idsOf(found).sort(), idsOf(forgotten).sort())
      const tokens = new Set(forgotten.map(({ token }) => token))
      for (const delivery of found) {
        assert.equal(delivery.redeliveries, 0)
        assert.ok(!tokens.has(delivery.token))
      }
      for (const old of forgotten) assert.equal(await end(transport, old), 'taken')
      for (const delivery of found) assert.equal(await end(transport, delivery), 'settled')
      assert.equal(await end(transport, known), 'settled')
    },
  },
  {
    name: 'recover: finds nothing when everything is known',
    async run(harness) {
      const { transport } = await harness.open()
      await transport.send(messages(harness, 2))
      const got = await look(harness, transport)
      const tokens = got.map(({ token }) => token)
      assert.deepEqual(await transport.recover(tokens, longLease), [])
      for (const delivery of got) assert.equal(await end(transport, delivery), 'settled')
      assert.deepEqual(await transport.recover([], longLease), [])
    },
  },
  {
    name: 'recover: leaves the deliveries of other instances alone',
    async run(harness) {
      const [a, b] = [await harness.open(), await harness.open()]
      await post(harness, a.transport)
      const delivery = await take(harness, a.transport)
      assert.deepEqual(await b.transport.recover([], longLease), [])
      assert.equal(await end(a.transport, delivery), 'settled')
    },
  },
  {
    name: 'recover: leaves messages alone that nobody has claimed',
    async run(harness) {
      const { transport } = await harness.open()
      await post(harness, transport)
      assert.deepEqual(await transport.recover([], longLease), [])
      await take(harness, transport)
    },
  },
  {
    name: 'recover: the fresh claim has a lease of its own',
    async run(harness) {
      const { transport } = await harness.open()
      const sent = await post(harness, transport)
      await take(harness, transport, { lease: harness.lease })
      only(await transport.recover([], 2 * harness.lease + 2 * slack))
      await harness.advance(harness.lease + slack)
      await nothing(harness, transport)
      await harness.advance(harness.lease + 2 * slack)
      const again = await take(harness, transport)
      assert.deepEqual([again.id, again.redeliveries], [sent.id, 1])
    },
  },
]
