import assert from 'node:assert/strict'
import type { TransportBehaviour } from './harness.ts'
import {
  bodiesOf,
  end,
  idsOf,
  look,
  message,
  messages,
  nothing,
  post,
  refuses,
  slack,
  take,
  waitFor,
} from './verbs.ts'

/** Messages for later. */
export const delayBehaviours: readonly TransportBehaviour[] = [
  {
    name: 'delay: a delayed message comes at its time and not before',
    needs: 'delayed',
    async run(harness) {
      const { transport } = await harness.open()
      const sent = await post(harness, transport, { delay: harness.lease })
      await nothing(harness, transport)
      if (harness.exactTime) {
        await harness.advance(harness.lease - 1)
        await nothing(harness, transport)
      }
      await harness.advance(harness.lease + slack)
      const delivery = await take(harness, transport)
      assert.deepEqual([delivery.id, delivery.redeliveries], [sent.id, 0])
    },
  },
  {
    name: 'delay: a message for a moment comes then and not before',
    needs: 'delayed',
    async run(harness) {
      const { transport } = await harness.open()
      const sent = await post(harness, transport, { at: harness.now() + harness.lease })
      await nothing(harness, transport)
      await harness.advance(harness.lease + slack)
      assert.equal((await take(harness, transport)).id, sent.id)
    },
  },
  {
    name: 'delay: a moment that has passed is now',
    needs: 'delayed',
    async run(harness) {
      const { transport } = await harness.open()
      await transport.send([
        message(harness, { body: 'long ago', at: 1 }),
        message(harness, { body: 'no delay', delay: 0 }),
      ])
      assert.deepEqual(bodiesOf(await look(harness, transport)), ['long ago', 'no delay'])
    },
  },
  {
    name: 'delay: what is due sooner comes sooner',
    needs: 'delayed',
    async run(harness) {
      const { transport } = await harness.open()
      const now = harness.now()
      await transport.send([
        message(harness, { body: 'second', at: now + 2 * harness.lease }),
        message(harness, { body: 'first', at: now + harness.lease }),
      ])
      const first = waitFor(harness, transport)
      await harness.advance(harness.lease + slack)
      assert.deepEqual(bodiesOf(await first), ['first'])
      const second = waitFor(harness, transport)
      await harness.advance(harness.lease + slack)
      assert.deepEqual(bodiesOf(await second), ['second'])
    },
  },
  {
    name: 'delay: those due at one time come in the order in which they were sent',
    needs: 'delayed',
    async run(harness) {
      const { transport } = await harness.open()
      await transport.send(messages(harness, 5, { at: harness.now() + harness.lease }))
      await harness.advance(harness.lease + slack)
      assert.deepEqual(bodiesOf(await look(harness, transport)), ['0', '1', '2', '3', '4'])
    },
  },
  {
    name: 'delay: a waiting receive wakes when a message is due',
    needs: 'delayed',
    async run(harness) {
      const [a, b] = [await harness.open(), await harness.open()]
      const later = await post(harness, a.transport, { delay: 2 * harness.lease })
      const waiting = waitFor(harness, b.transport, { room: 1 })
      const sooner = await post(harness, a.transport, { delay: harness.lease })
      await harness.advance(harness.lease + slack)
      assert.deepEqual(idsOf(await waiting), [sooner.id])
      const next = waitFor(harness, b.transport, { room: 1 })
      await harness.advance(harness.lease + slack)
      assert.deepEqual(idsOf(await next), [later.id])
    },
  },
  {
    name: 'delay: outlives the instance that sent it',
    needs: 'delayed',
    async run(harness) {
      const [a, b] = [await harness.open(), await harness.open()]
      const sent = await post(harness, a.transport, { delay: harness.lease })
      await a.transport.stop()
      await harness.advance(harness.lease + slack)
      assert.equal((await take(harness, b.transport)).id, sent.id)
    },
  },
  {
    name: 'delay: an early receive hands out what is scheduled as well',
    needs: 'delayed',
    async run(harness) {
      const { transport } = await harness.open()
      const [later, now] = [message(harness, { delay: 60_000 }), message(harness)]
      const other = message(harness, { queue: `${harness.queue}-other`, delay: 60_000 })
      await transport.send([later, now, other])
      const got = await look(harness, transport, { early: true })
      assert.deepEqual(idsOf(got).sort(), [later.id, now.id].sort())
      const outcome = { kind: 'cancelled', reason: 'purged' } as const
      for (const delivery of got) {
        assert.equal(await end(transport, delivery, { outcome }), 'settled')
      }
      await nothing(harness, transport, { early: true })
    },
  },
  {
    name: 'delay: an early receive keeps to its room, and what it gives back is not scheduled any more',
    needs: 'delayed',
    async run(harness) {
      const { transport } = await harness.open()
      await transport.send(messages(harness, 3, { delay: 60_000 }))
      const got = await look(harness, transport, { early: true, room: 2 })
      assert.equal(got.length, 2)
      await transport.release(got)
      assert.deepEqual(idsOf(await look(harness, transport)).sort(), idsOf(got).sort())
    },
  },
  {
    name: 'delay: is refused where it cannot be kept, and nothing is stored',
    async run(harness) {
      if (harness.capabilities.delayed) return
      const { transport } = await harness.open()
      for (const later of [{ delay: 1_000 }, { at: harness.now() + 1_000 }]) {
        const batch = [message(harness), message(harness, later)]
        await refuses(transport.send(batch), 'UNSUPPORTED')
      }
      await nothing(harness, transport)
    },
  },
]
