import assert from 'node:assert/strict'
import { QueueFullError } from '../../core/errors.ts'
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
} from './verbs.ts'

/** Caps of queues. */
export const capBehaviours: readonly TransportBehaviour[] = [
  {
    name: 'caps: a send beyond the cap is refused as a whole',
    needs: 'caps',
    async run(harness) {
      const { transport } = await harness.open()
      const other = `${harness.queue}-other`
      await transport.configureQueues({ [harness.queue]: { cap: 3 } })
      await transport.send(messages(harness, 2))
      const batch = [message(harness, { queue: other }), ...messages(harness, 2)]
      await assert.rejects(transport.send(batch), (error) => {
        assert.ok(error instanceof QueueFullError)
        assert.deepEqual([error.code, error.queue], ['QUEUE_FULL', harness.queue])
        return true
      })
      await nothing(harness, transport, { queues: [other] })
      await post(harness, transport)
      assert.equal((await look(harness, transport)).length, 3)
    },
  },
  {
    name: 'caps: hold for all producers, and a refused send may be sent again when there is room',
    needs: 'caps',
    async run(harness) {
      const [a, b] = [await harness.open(), await harness.open()]
      await a.transport.configureQueues({ [harness.queue]: { cap: 1 } })
      await post(harness, a.transport)
      const sent = message(harness)
      await refuses(b.transport.send([sent]), 'QUEUE_FULL')
      // What runs does not wait any more.
      await take(harness, a.transport)
      assert.deepEqual(await b.transport.send([sent]), ['stored'])
    },
  },
  {
    name: 'caps: count what is scheduled',
    needs: 'caps',
    async run(harness) {
      if (!harness.capabilities.delayed) return
      const { transport } = await harness.open()
      await transport.configureQueues({ [harness.queue]: { cap: 1 } })
      await post(harness, transport, { delay: 60_000 })
      await refuses(transport.send([message(harness)]), 'QUEUE_FULL')
    },
  },
  {
    name: 'caps: a message that is known takes no room',
    needs: 'caps',
    async run(harness) {
      const { transport } = await harness.open()
      await transport.configureQueues({ [harness.queue]: { cap: 2 } })
      const [sent, fresh] = [await post(harness, transport), message(harness)]
      assert.deepEqual(await transport.send([sent, fresh, fresh]), ['known', 'stored', 'known'])
      assert.deepEqual(await transport.send([sent, fresh]), ['known', 'known'])
    },
  },
  {
    name: 'caps: refuse nothing that is already on its way',
    needs: 'caps',
    async run(harness) {
      const { transport } = await harness.open()
      await transport.configureQueues({ [harness.queue]: { cap: 1 } })
      await post(harness, transport, { body: 'a' })
      const first = await take(harness, transport)
      await post(harness, transport, { body: 'b' })
      const followUps = [message(harness, { body: 'follow-up' })]
      assert.equal(await end(transport, first, { followUps }), 'settled')
      const [b, c] = await look(harness, transport, { lease: harness.lease })
      assert.ok(b && c)
      await post(harness, transport, { body: 'd' })
      assert.deepEqual(await transport.release([b]), ['settled'])
      await harness.advance(harness.lease + slack)
      const got = await look(harness, transport)
      assert.deepEqual(new Set(bodiesOf(got)), new Set(['b', 'd', 'follow-up']))
      await post(harness, transport, { body: 'e' })
      const outcome = { kind: 'retry', delay: 0, body: 'retried' } as const
      for (const claim of got) assert.equal(await end(transport, claim, { outcome }), 'settled')
      assert.equal((await look(harness, transport)).length, 4)
    },
  },
  {
    name: 'caps: are lifted by null, and 0 lets nothing in',
    needs: 'caps',
    async run(harness) {
      const { transport } = await harness.open()
      await transport.configureQueues({ [harness.queue]: { cap: 0 } })
      await refuses(transport.send([message(harness)]), 'QUEUE_FULL')
      await transport.configureQueues({ [harness.queue]: {} })
      await refuses(transport.send([message(harness)]), 'QUEUE_FULL')
      await transport.configureQueues({ [harness.queue]: { cap: null } })
      const sent = messages(harness, 5)
      await transport.send(sent)
      assert.deepEqual(idsOf(await look(harness, transport)), idsOf(sent))
    },
  },
  {
    name: 'caps: are refused where there are none',
    async run(harness) {
      if (harness.capabilities.caps) return
      const { transport } = await harness.open()
      await refuses(transport.configureQueues({ [harness.queue]: { cap: 1 } }), 'UNSUPPORTED')
    },
  },
]
