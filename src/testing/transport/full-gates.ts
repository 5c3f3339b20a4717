import assert from 'node:assert/strict'
import { droppedReason, type Gate } from '../../core/gate.ts'
import type { Envelope } from '../../core/message.ts'
import type { TransportBehaviour, TransportHarness } from './harness.ts'
import { bodiesOf, end, look, longLease, message, nothing, slack, take } from './verbs.ts'

const dropping: Gate = { key: 'dropping', limit: 1, full: 'drop' }
const cancelling: Gate = { key: 'cancelling', limit: 1, full: 'cancel' }
const cancelled = { kind: 'cancelled', reason: 'no' } as const

function gated(harness: TransportHarness, gate: Gate, parts: Partial<Envelope> = {}): Envelope {
  return message(harness, { fresh: true, ...parts, gates: [gate] })
}

/** Limits that do not let wait: the newest is dropped, or the oldest cancelled. */
export const fullGateBehaviours: readonly TransportBehaviour[] = [
  {
    name: 'full gates: the newest is dropped, its sender is told, and it comes only to be cancelled',
    needs: 'gates',
    async run(harness) {
      const { transport } = await harness.open()
      const sent = [gated(harness, dropping, { body: 'first' }), gated(harness, dropping)]
      const statuses = await transport.send(sent)
      assert.deepEqual(statuses, ['stored', { dropped: dropping.key }])
      const found = await look(harness, transport)
      const first = found.find(({ id }) => id === sent[0]?.id) ?? assert.fail()
      const second = found.find(({ id }) => id === sent[1]?.id) ?? assert.fail()
      assert.deepEqual(
        [first.body, first.cancelled, second.cancelled],
        ['first', undefined, droppedReason(dropping.key)],
      )
      assert.equal(await end(transport, second), 'cancelled')
      assert.equal(await end(transport, second, { outcome: cancelled }), 'settled')
      // Its end gave nothing back: the limit is as full as before.
      const [again] = await transport.send([gated(harness, dropping)])
      assert.deepEqual(again, { dropped: dropping.key })
      await end(transport, await take(harness, transport), { outcome: cancelled })
      await end(transport, first)
      assert.deepEqual(await transport.send([gated(harness, dropping)]), ['stored'])
      assert.equal((await take(harness, transport)).cancelled, undefined)
    },
  },
  {
    name: 'full gates: what was dropped can be ended by its sender',
    needs: 'gates',
    async run(harness) {
      const { transport } = await harness.open()
      const [first, second] = [gated(harness, dropping), gated(harness, dropping)]
      await transport.send([first, second])
      const [answer] = await transport.cancel([second.id], { reason: 'no', lease: longLease })
      assert.ok(answer?.state === 'waiting')
      assert.equal(answer.delivery.cancelled, droppedReason(dropping.key))
      assert.equal(await end(transport, answer.delivery, { outcome: cancelled }), 'settled')
      const only = await take(harness, transport, { room: 9 })
      assert.deepEqual([only.id, only.cancelled], [first.id, undefined])
    },
  },
  {
    name: 'full gates: who was let in keeps his place while he waits for a retry',
    needs: 'gates',
    async run(harness) {
      const { transport } = await harness.open()
      await transport.send([gated(harness, dropping)])
      const first = await take(harness, transport)
      const retry = { kind: 'retry', body: 'again', delay: harness.lease } as const
      await end(transport, first, { outcome: retry })
      const [status] = await transport.send([gated(harness, dropping)])
      assert.deepEqual(status, { dropped: dropping.key })
      await end(transport, await take(harness, transport), { outcome: cancelled })
      await harness.advance(harness.lease + slack)
      const again = await take(harness, transport)
      assert.deepEqual([again.body, again.cancelled], ['again', undefined])
      await end(transport, again)
      assert.deepEqual(await transport.send([gated(harness, dropping)]), ['stored'])
    },
  },
  {
    name: 'full gates: a delayed message is dropped when it is due, not before',
    needs: 'gates',
    async run(harness) {
      const { transport } = await harness.open()
      await transport.send([gated(harness, dropping)])
      assert.deepEqual(await transport.send([gated(harness, dropping, { delay: harness.lease })]), [
        'stored',
      ])
      await take(harness, transport, { room: 9 })
      await harness.advance(harness.lease + slack)
      const late = await take(harness, transport, { room: 9 })
      assert.equal(late.cancelled, droppedReason(dropping.key))
    },
  },
  {
    name: 'full gates: the oldest is cancelled for the newest, which comes when that one has ended',
    needs: 'gates',
    async run(harness) {
      const [a, b] = [(await harness.open()).transport, (await harness.open()).transport]
      await a.send([gated(harness, cancelling, { body: 'old' })])
      const old = await take(harness, a)
      assert.deepEqual(await b.send([gated(harness, cancelling, { body: 'new' })]), ['stored'])
      await nothing(harness, b)
      const { cancelled: told } = await a.extend([old], longLease)
      assert.match(told[0]?.reason ?? '', /^superseded by .+ 'cancelling' is full$/)
      assert.equal(await end(a, old), 'cancelled')
      await nothing(harness, b)
      assert.equal(await end(a, old, { outcome: cancelled }), 'settled')
      const next = await take(harness, b, { room: 9 })
      assert.deepEqual([next.body, next.cancelled], ['new', undefined])
      assert.equal(await end(b, next), 'settled')
      await nothing(harness, b)
    },
  },
  {
    name: 'full gates: of many that come while the oldest ends, the last is left, and each other is cancelled',
    needs: 'gates',
    async run(harness) {
      const { transport } = await harness.open()
      await transport.send([gated(harness, cancelling, { body: 'old' })])
      const old = await take(harness, transport)
      for (const body of ['1', '2', '3'])
        await transport.send([gated(harness, cancelling, { body, priority: body === '1' ? 9 : 4 })])
      const superseded = await look(harness, transport)
      assert.deepEqual(new Set(bodiesOf(superseded)), new Set(['1', '2']))
      for (const delivery of superseded) {
        assert.match(delivery.cancelled ?? '', /^superseded by /)
        assert.equal(await end(transport, delivery, { outcome: cancelled }), 'settled')
      }
      await nothing(harness, transport)
      await end(transport, old, { outcome: cancelled })
      const last = await take(harness, transport, { room: 9 })
      assert.deepEqual([last.body, last.cancelled], ['3', undefined])
    },
  },
  {
    name: 'full gates: with room for two, the older of two is cancelled, and the younger runs on',
    needs: 'gates',
    async run(harness) {
      const { transport } = await harness.open()
      const two: Gate = { key: 'two', limit: 2, full: 'cancel' }
      await transport.send([gated(harness, two, { body: '1' }), gated(harness, two, { body: '2' })])
      const found = await look(harness, transport)
      assert.deepEqual(bodiesOf(found), ['1', '2'])
      await transport.send([gated(harness, two, { body: '3' })])
      const { cancelled: told } = await transport.extend(found, longLease)
      assert.deepEqual(
        told.map(({ claim }) => claim.id),
        [found[0]?.id],
      )
      await end(transport, found[0] ?? assert.fail(), { outcome: cancelled })
      assert.equal((await take(harness, transport, { room: 9 })).body, '3')
    },
  },
  {
    name: 'full gates: who waits for a retry is cancelled too, and comes at once to be ended',
    needs: 'gates',
    async run(harness) {
      const { transport } = await harness.open()
      await transport.send([gated(harness, cancelling, { body: 'old' })])
      const retry = { kind: 'retry', body: 'again', delay: longLease } as const
      await end(transport, await take(harness, transport), { outcome: retry })
      await transport.send([gated(harness, cancelling, { body: 'new' })])
      const again = await take(harness, transport, { room: 9 })
      assert.equal(again.body, 'again')
      assert.match(again.cancelled ?? '', /^superseded by /)
      await end(transport, again, { outcome: cancelled })
      assert.equal((await take(harness, transport, { room: 9 })).body, 'new')
    },
  },
  {
    name: 'full gates: a key that drops or cancels touches no other key',
    needs: 'gates',
    async run(harness) {
      const { transport } = await harness.open()
      for (const gate of [dropping, cancelling]) {
        const other = { ...gate, key: `other ${gate.key}` }
        const statuses = await transport.send([gated(harness, gate), gated(harness, other)])
        assert.deepEqual(statuses, ['stored', 'stored'])
      }
      const found = await look(harness, transport)
      assert.equal(found.filter((delivery) => delivery.cancelled === undefined).length, 4)
    },
  },
]
