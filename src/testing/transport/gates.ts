import assert from 'node:assert/strict'
import type { Gate } from '../../core/gate.ts'
import type { Envelope } from '../../core/message.ts'
import type { Transport } from '../../core/transport.ts'
import type { TransportBehaviour, TransportHarness } from './harness.ts'
import { countsOf, open } from './inspected.ts'
import {
  bodiesOf,
  end,
  endAll,
  idsOf,
  longLease,
  look,
  message,
  nothing,
  refuses,
  slack,
  take,
} from './verbs.ts'

const one: Gate = { key: 'one', limit: 1 }
const ordered: Gate = { key: 'ordered', limit: 1, keep: true }

/** So many messages with these gates, with bodies '0', '1', '2'… */
function gated(
  harness: TransportHarness,
  gates: readonly Gate[],
  { count = 1, ...parts }: Partial<Envelope> & { readonly count?: number } = {},
): Envelope[] {
  return Array.from({ length: count }, (_, i) =>
    message(harness, { body: String(i), fresh: true, ...parts, gates }),
  )
}

/** Claims and ends what there is until there is nothing; the bodies in the order of their claims. */
async function runAll(harness: TransportHarness, transport: Transport): Promise<unknown[]> {
  const bodies: unknown[] = []
  for (;;) {
    const found = await look(harness, transport)
    if (found.length === 0) return bodies
    bodies.push(...bodiesOf(found))
    await endAll(transport, found)
  }
}

const again = { kind: 'retry', body: 'again' } as const

/** Limits over all processes. */
export const gateBehaviours: readonly TransportBehaviour[] = [
  {
    name: 'gates: no more than the limit are claimed, in all processes together, first in first out',
    needs: 'gates',
    async run(harness) {
      const [a, b] = [(await harness.open()).transport, (await harness.open()).transport]
      await a.send(gated(harness, [{ key: 'two', limit: 2 }], { count: 7 }))
      const held = [
        { by: a, delivery: await take(harness, a) },
        { by: b, delivery: await take(harness, b, { room: 9 }) },
      ]
      const bodies = bodiesOf(held.map(({ delivery }) => delivery))
      for (let first = held.shift(); bodies.length < 7 && first; first = held.shift()) {
        await nothing(harness, a)
        assert.equal(await end(first.by, first.delivery), 'settled')
        const by = bodies.length % 2 === 0 ? a : b
        const delivery = await take(harness, by, { room: 9 })
        bodies.push(delivery.body)
        held.push({ by, delivery })
      }
      assert.deepEqual(bodies, ['0', '1', '2', '3', '4', '5', '6'])
    },
  },
  {
    name: 'gates: a key that is full blocks no other key, and no message without gates',
    needs: 'gates',
    async run(harness) {
      const { transport } = await harness.open()
      await transport.send(gated(harness, [one], { count: 3 }))
      const other = gated(harness, [{ key: 'other', limit: 1 }], { body: 'other' })
      await transport.send([...other, message(harness, { body: 'plain' })])
      const found = bodiesOf(await look(harness, transport))
      assert.deepEqual(new Set(found), new Set(['0', 'other', 'plain']))
    },
  },
  {
    name: 'gates: a lost lease leaks no permit and adds none',
    needs: 'gates',
    async run(harness) {
      const [a, b] = [(await harness.open()).transport, (await harness.open()).transport]
      await a.send(gated(harness, [one], { count: 2 }))
      const lost = await take(harness, a, { lease: harness.lease })
      await harness.advance(harness.lease + slack)
      const second = await take(harness, b, { room: 9 })
      assert.deepEqual([second.id, second.redeliveries], [lost.id, 1])
      assert.equal(await end(a, lost), 'taken')
      await nothing(harness, a)
      assert.equal(await end(b, second), 'settled')
      assert.equal((await take(harness, a, { room: 9 })).body, '1')
    },
  },
  {
    name: 'gates: what is given back keeps its permit',
    needs: 'gates',
    async run(harness) {
      const { transport } = await harness.open()
      await transport.send(gated(harness, [one], { count: 2 }))
      const first = await take(harness, transport, { room: 9 })
      await transport.release([first])
      const next = await take(harness, transport, { room: 9 })
      assert.equal(next.id, first.id)
      await end(transport, next)
      assert.equal((await take(harness, transport, { room: 9 })).body, '1')
    },
  },
  {
    name: 'gates: every end gives the permit to the next: success, dead letter, cancel',
    needs: 'gates',
    async run(harness) {
      const { transport } = await harness.open()
      const sent = gated(harness, [one], { count: 4 })
      await transport.send(sent)
      await end(transport, await take(harness, transport))
      const outcome = { kind: 'setAside', reason: 'failed', detail: 'why' } as const
      await end(transport, await take(harness, transport), { outcome })
      const cancelled = await take(harness, transport, { room: 9 })
      assert.equal(cancelled.id, sent[2]?.id)
      await transport.cancel([cancelled.id], { reason: 'no', lease: longLease })
      const no = { kind: 'cancelled', reason: 'no' } as const
      assert.equal(await end(transport, cancelled, { outcome: no }), 'settled')
      assert.equal((await take(harness, transport, { room: 9 })).body, '3')
    },
  },
  {
    name: 'gates: what waits at a gate can be cancelled, and takes no permit with it',
    needs: 'gates',
    async run(harness) {
      const { transport } = await harness.open()
      const sent = gated(harness, [one], { count: 4 })
      await transport.send(sent)
      const first = await take(harness, transport, { room: 9 })
      const second = sent[1]?.id ?? ''
      const [answer] = await transport.cancel([second], { reason: 'no', lease: longLease })
      assert.ok(answer?.state === 'waiting')
      await end(transport, first)
      const third = await take(harness, transport, { room: 9 })
      assert.equal(third.body, '2')
      const outcome = { kind: 'cancelled', reason: 'no' } as const
      assert.equal(await end(transport, answer.delivery, { outcome }), 'settled')
      await nothing(harness, transport)
      await end(transport, third)
      assert.equal((await take(harness, transport, { room: 9 })).body, '3')
    },
  },
  {
    name: 'gates: a message that waits for its retry gives its permit back, and asks again when it is due',
    needs: 'gates',
    async run(harness) {
      const { transport } = await harness.open()
      await transport.send(gated(harness, [one], { count: 2 }))
      const first = await take(harness, transport, { room: 9 })
      await end(transport, first, { outcome: { ...again, delay: harness.lease } })
      const second = await take(harness, transport, { room: 9 })
      assert.equal(second.body, '1')
      await harness.advance(harness.lease + slack)
      await nothing(harness, transport)
      await end(transport, second)
      assert.equal((await take(harness, transport, { room: 9 })).body, 'again')
    },
  },
  {
    name: 'gates: a delayed message takes its permit when it is due, not before',
    needs: 'gates',
    async run(harness) {
      const { transport } = await harness.open()
      await transport.send(gated(harness, [one], { body: 'later', delay: harness.lease }))
      await transport.send(gated(harness, [one], { body: 'now' }))
      assert.equal((await take(harness, transport, { room: 9 })).body, 'now')
      await harness.advance(harness.lease + slack)
      await nothing(harness, transport)
    },
  },
  {
    name: 'gates: a delayed message that is alone comes at its time',
    needs: 'gates',
    async run(harness) {
      const { transport } = await harness.open()
      await transport.send(gated(harness, [one], { delay: harness.lease }))
      await nothing(harness, transport)
      await harness.advance(harness.lease + slack)
      assert.equal((await take(harness, transport, { room: 9 })).body, '0')
    },
  },
  {
    name: 'gates: several gates are passed one after the other, and held while the next is full',
    needs: 'gates',
    async run(harness) {
      const { transport } = await harness.open()
      const all: Gate = { key: 'all', limit: 2 }
      const tenant = (name: string): Gate => ({ key: `tenant ${name}`, limit: 1 })
      await transport.send([
        ...gated(harness, [tenant('a'), all], { count: 3, body: 'a' }),
        ...gated(harness, [tenant('b'), all], { body: 'b' }),
        ...gated(harness, [tenant('c'), all], { body: 'c' }),
      ])
      const first = await look(harness, transport)
      assert.deepEqual(bodiesOf(first), ['a', 'b'])
      // c waits for the second gate, and comes before the second a, which waits for the first.
      await end(transport, first[0] ?? assert.fail())
      assert.equal((await take(harness, transport, { room: 9 })).body, 'c')
      await end(transport, first[1] ?? assert.fail())
      assert.equal((await take(harness, transport, { room: 9 })).body, 'a')
    },
  },
  {
    name: 'gates: who waits passes by priority, then by place; where the order is kept by place alone',
    needs: 'gates',
    async run(harness) {
      const { transport } = await harness.open()
      for (const [gate, wanted] of [
        [one, ['first', 'high', 'low', 'low too']],
        [ordered, ['first', 'low', 'high', 'low too']],
      ] as const) {
        const priorities = { first: 4, low: 1, high: 9, 'low too': 1 } as const
        for (const [body, priority] of Object.entries(priorities))
          await transport.send(gated(harness, [gate], { body, priority }))
        assert.deepEqual(await runAll(harness, transport), wanted)
      }
    },
  },
  {
    name: 'gates: where the order is kept, a retry holds up its key and no other',
    needs: 'gates',
    async run(harness) {
      const { transport } = await harness.open()
      await transport.send(gated(harness, [ordered], { count: 2 }))
      await transport.send(gated(harness, [{ ...ordered, key: 'other' }], { body: 'other' }))
      const found = await look(harness, transport)
      assert.deepEqual(bodiesOf(found), ['0', 'other'])
      const first = found[0] ?? assert.fail()
      await end(transport, first, { outcome: { ...again, delay: harness.lease } })
      await nothing(harness, transport)
      await harness.advance(harness.lease + slack)
      const retried = await take(harness, transport, { room: 9 })
      assert.equal(retried.body, 'again')
      await end(transport, retried, { outcome: { ...again, delay: 0 } })
      const once = await take(harness, transport, { room: 9 })
      assert.equal(once.body, 'again')
      await end(transport, once)
      assert.equal((await take(harness, transport, { room: 9 })).body, '1')
    },
  },
  {
    name: 'gates: a limit that is set holds for all who come, and a higher one lets through who waits',
    needs: 'gates',
    async run(harness) {
      const { transport } = await harness.open()
      await transport.send(gated(harness, [one], { count: 6 }))
      const first = await take(harness, transport, { room: 9 })
      await transport.configureGates({ one: 3 })
      const more = await look(harness, transport)
      assert.deepEqual(bodiesOf(more), ['1', '2'])
      await transport.configureGates({ one: 2 })
      await end(transport, first)
      await nothing(harness, transport)
      await transport.configureGates({ one: null })
      await endAll(transport, more.slice(0, 1))
      await nothing(harness, transport)
      await endAll(transport, more.slice(1))
      assert.deepEqual(await runAll(harness, transport), ['3', '4', '5'])
    },
  },
  {
    name: 'gates: a waiting receive wakes when a permit is given back, by whomever',
    needs: 'gates',
    async run(harness) {
      const [a, b] = [(await harness.open()).transport, (await harness.open()).transport]
      await a.send(gated(harness, [one], { count: 2 }))
      const first = await take(harness, a, { room: 9 })
      const waiting = look(harness, b, { wait: undefined })
      await harness.advance(slack)
      await end(a, first)
      assert.deepEqual(bodiesOf(await waiting), ['1'])
    },
  },
  {
    name: 'gates: a dead letter that is run again passes its gates again',
    needs: 'gates',
    async run(harness) {
      const { transport, inspector } = await open(harness)
      await transport.send(gated(harness, [one], { count: 2 }))
      const outcome = { kind: 'setAside', reason: 'failed', detail: 'why' } as const
      const first = await take(harness, transport, { room: 9 })
      await end(transport, first, { outcome })
      const second = await take(harness, transport, { room: 9 })
      await inspector.retryDead([first.id])
      await nothing(harness, transport)
      await end(transport, second)
      const retried = await take(harness, transport, { room: 9 })
      assert.deepEqual([retried.id, retried.body, retried.priority], [first.id, '0', 4])
      await end(transport, retried)
    },
  },
  {
    name: 'gates: the inspector calls queued what waits at a gate, and lists it',
    needs: 'gates',
    async run(harness) {
      const { transport, inspector } = await open(harness)
      const [first, second] = gated(harness, [one], { count: 2, priority: 7 })
      const later = gated(harness, [one], { delay: longLease })
      assert.ok(first && second)
      await transport.send([first, second, ...later])
      const delivery = await take(harness, transport, { room: 9 })
      assert.equal(delivery.priority, 7)
      const ids = [first.id, second.id, later[0]?.id ?? '']
      assert.deepEqual(await inspector.states(ids), ['running', 'queued', 'scheduled'])
      const { queued, scheduled, running } = await countsOf(inspector, harness.queue)
      assert.deepEqual({ queued, scheduled, running }, { queued: 1, scheduled: 1, running: 1 })
      const seen = await inspector.peek(harness.queue, { limit: 9 })
      assert.deepEqual(
        new Map(seen.map(({ id, state, priority }) => [id, `${state} ${priority}`])),
        new Map([
          [ids[0], 'running 7'],
          [ids[1], 'queued 7'],
          [ids[2], 'scheduled 4'],
        ]),
      )
    },
  },
  {
    name: 'gates: an early receive takes what is scheduled, but nothing past a gate',
    needs: 'gates',
    async run(harness) {
      const { transport } = await harness.open()
      await transport.send(gated(harness, [one], { count: 2, delay: longLease }))
      const found = await look(harness, transport, { early: true })
      assert.deepEqual(bodiesOf(found), ['0'])
      await endAll(transport, found)
    },
  },
  {
    name: 'gates: large bodies wait there too',
    needs: 'gates',
    async run(harness) {
      const { transport } = await harness.open()
      const body = 'x'.repeat(20_000)
      await transport.send(gated(harness, [one], { count: 3, body }))
      const bodies = await runAll(harness, transport)
      const lengths = bodies.map((each) => String(each).length)
      assert.deepEqual(lengths, [20_000, 20_000, 20_000])
    },
  },
  {
    name: 'gates: many messages of few keys end with nothing left over',
    needs: 'gates',
    async run(harness) {
      const all = [(await harness.open()).transport, (await harness.open()).transport] as const
      const envelopes = Array.from({ length: 60 }, (_, i) =>
        message(harness, {
          body: String(i),
          gates: [
            { key: `key ${i % 4}`, limit: 2 },
            { key: 'all', limit: 5 },
          ],
        }),
      )
      await all[0].send(envelopes)
      const ended: string[] = []
      for (let round = 0; ended.length < envelopes.length; round++) {
        assert.ok(round < 200, 'nothing goes on')
        const found = await Promise.all(all.map((transport) => look(harness, transport)))
        assert.ok(found.flat().length <= 5)
        for (const [i, transport] of all.entries()) {
          await endAll(transport, found[i] ?? [])
          ended.push(...idsOf(found[i] ?? []))
        }
      }
      assert.equal(new Set(ended).size, envelopes.length)
      await all[0].send(gated(harness, [{ key: 'all', limit: 1 }], { count: 2 }))
      assert.deepEqual(await runAll(harness, all[0]), ['0', '1'])
    },
  },
  {
    name: 'gates: what are no gates is refused, and nothing is stored',
    needs: 'gates',
    async run(harness) {
      const { transport } = await harness.open()
      for (const gates of [
        [],
        [{ key: '', limit: 1 }],
        [{ key: 'k', limit: 0 }],
        [one, one],
        [one, ordered],
      ]) {
        const call = transport.send([message(harness), message(harness, { gates })])
        await refuses(call, 'INVALID_INPUT')
      }
      await nothing(harness, transport)
    },
  },
]
