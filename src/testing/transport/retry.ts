import assert from 'node:assert/strict'
import type { Outcome } from '../../core/settlement.ts'
import type { TransportBehaviour } from './harness.ts'
import { bodiesOf, end, idsOf, look, nothing, only, post, slack, take, waitFor } from './verbs.ts'

function retry(delay: number, body = 'again'): { outcome: Outcome } {
  return { outcome: { kind: 'retry', delay, body } }
}

/** The outcome `retry`: the same message once more, stored in the future. */
export const retryBehaviours: readonly TransportBehaviour[] = [
  {
    name: 'retry: the same message comes again with the new body, at its time and not before',
    needs: 'delayed',
    async run(harness) {
      const { transport } = await harness.open()
      const expires = harness.now() + 3_600_000
      const sent = await post(harness, transport, { priority: 6, expires })
      const first = await take(harness, transport)
      assert.equal(await end(transport, first, retry(harness.lease)), 'settled')
      await nothing(harness, transport)
      await harness.advance(harness.lease + slack)
      const again = only(await look(harness, transport))
      assert.deepEqual([again.id, again.body], [sent.id, 'again'])
      assert.deepEqual([again.priority, again.expires, again.redeliveries], [6, expires, 0])
      assert.equal(again.enqueuedAt, first.enqueuedAt)
      assert.notEqual(again.token, first.token)
    },
  },
  {
    name: 'retry: without a delay it may run at once',
    needs: 'delayed',
    async run(harness) {
      const { transport } = await harness.open()
      await post(harness, transport)
      await end(transport, await take(harness, transport), retry(0))
      assert.deepEqual(bodiesOf(await look(harness, transport)), ['again'])
    },
  },
  {
    name: 'retry: outlives the instance that asked for it',
    needs: 'delayed',
    async run(harness) {
      const [a, b] = [await harness.open(), await harness.open()]
      const sent = await post(harness, a.transport)
      await end(a.transport, await take(harness, a.transport), retry(harness.lease))
      await a.transport.stop()
      const waiting = waitFor(harness, b.transport)
      await harness.advance(harness.lease + slack)
      assert.deepEqual(idsOf(await waiting), [sent.id])
    },
  },
  {
    name: 'retry: the claim that asked for it is over',
    needs: 'delayed',
    async run(harness) {
      const { transport } = await harness.open()
      await post(harness, transport)
      const first = await take(harness, transport)
      await end(transport, first, retry(harness.lease))
      assert.equal(await end(transport, first, retry(0, 'twice')), 'taken')
      assert.equal(await end(transport, first), 'taken')
      await nothing(harness, transport)
      await harness.advance(harness.lease + slack)
      const again = only(await look(harness, transport))
      assert.equal(again.body, 'again')
      assert.equal(await end(transport, first), 'taken')
      assert.equal(await end(transport, again), 'settled')
      assert.equal(await end(transport, first), 'gone')
    },
  },
  {
    name: 'retry: its id stays known',
    needs: 'delayed',
    async run(harness) {
      const { transport } = await harness.open()
      const sent = await post(harness, transport)
      await end(transport, await take(harness, transport), retry(60_000))
      assert.deepEqual(await transport.send([sent]), ['known'])
      await nothing(harness, transport)
    },
  },
]
