import assert from 'node:assert/strict'
import type { Envelope } from '../../core/message.ts'
import type { SendStatus, Transport } from '../../core/transport.ts'
import type { Unique } from '../../core/unique.ts'
import type { TransportBehaviour, TransportHarness } from './harness.ts'
import { open } from './inspected.ts'
import {
  end,
  endAll,
  idsOf,
  longLease,
  look,
  message,
  messages,
  nothing,
  only,
  refuses,
  resultOf,
  slack,
  take,
} from './verbs.ts'

const key: Unique = { key: 'key', while: 'queued-or-running', onConflict: 'keep' }

async function send(transport: Transport, envelope: Envelope): Promise<SendStatus> {
  return only(await transport.send([envelope]))
}

function unique(
  harness: TransportHarness,
  more: Partial<Unique> = {},
  parts: Partial<Envelope> = {},
): Envelope {
  return message(harness, { ...parts, unique: { ...key, ...more } })
}

/** Unique keys: one message at a time, decided by the store. */
export const uniqueBehaviours: readonly TransportBehaviour[] = [
  {
    name: 'unique: while a message waits or runs, another of its key is not stored',
    needs: 'unique',
    async run(harness) {
      const [a, b] = [await harness.open(), await harness.open()]
      const first = unique(harness)
      assert.equal(await send(a.transport, first), 'stored')
      const kept = { kept: first.id }
      assert.deepEqual(await send(b.transport, unique(harness)), kept)
      assert.equal(await send(b.transport, unique(harness, { key: 'other' })), 'stored')
      assert.equal(await send(b.transport, message(harness)), 'stored')
      const deliveries = await look(harness, a.transport)
      assert.equal(deliveries.length, 3)
      assert.deepEqual(await send(b.transport, unique(harness)), kept)
      await endAll(a.transport, deliveries)
      assert.equal(await send(b.transport, unique(harness)), 'stored')
    },
  },
  {
    name: 'unique: the same id again is known, whoever has its key',
    needs: 'unique',
    async run(harness) {
      const { transport, results } = await harness.open()
      const first = unique(harness)
      assert.deepEqual(await transport.send([first, first]), ['stored', 'known'])
      const delivery = await take(harness, transport)
      if (harness.capabilities.atomicResults)
        await end(transport, delivery, { result: resultOf(first) })
      else {
        await results.save([resultOf(first)])
        await end(transport, delivery)
      }
      assert.equal(await send(transport, unique(harness)), 'stored')
      assert.equal(await send(transport, first), 'known')
      await take(harness, transport)
      await nothing(harness, transport)
    },
  },
  {
    name: 'unique: a message keeps its key over a retry and a lost lease',
    needs: 'unique',
    async run(harness) {
      const { transport } = await harness.open()
      const first = unique(harness)
      await send(transport, first)
      const kept = { kept: first.id }
      const outcome = { kind: 'retry', delay: longLease, body: 'again' } as const
      await end(transport, await take(harness, transport), { outcome })
      assert.deepEqual(await send(transport, unique(harness)), kept)
      assert.deepEqual(await send(transport, unique(harness, { while: 'queued' })), kept)
      const delivery = await take(harness, transport, { early: true, lease: harness.lease })
      await harness.advance(harness.lease + slack)
      assert.deepEqual(await send(transport, unique(harness)), kept)
      assert.equal((await take(harness, transport)).id, delivery.id)
      assert.deepEqual(await send(transport, unique(harness)), kept)
    },
  },
  {
    name: 'unique: a key of what is queued is free once that runs, and again taken when it is given back',
    needs: 'unique',
    async run(harness) {
      const { transport } = await harness.open()
      const queued = { while: 'queued' } as const
      const first = unique(harness, queued)
      await send(transport, first)
      assert.deepEqual(await send(transport, unique(harness, queued)), { kept: first.id })
      const delivery = await take(harness, transport)
      await transport.release([delivery])
      assert.deepEqual(await send(transport, unique(harness, queued)), { kept: first.id })
      await take(harness, transport)
      const second = unique(harness, queued)
      assert.equal(await send(transport, second), 'stored')
      assert.deepEqual(await send(transport, unique(harness, queued)), { kept: second.id })
    },
  },
  {
    name: 'unique: what was set aside or cancelled has its key no more',
    needs: 'unique',
    async run(harness) {
      const { transport } = await harness.open()
      await send(transport, unique(harness))
      const outcome = { kind: 'setAside', reason: 'failed', detail: 'why' } as const
      await end(transport, await take(harness, transport), { outcome })
      const second = unique(harness)
      assert.equal(await send(transport, second), 'stored')
      await take(harness, transport)
      await transport.cancel([second.id], { reason: 'enough', lease: longLease })
      assert.equal(await send(transport, unique(harness)), 'stored')
    },
  },
  {
    name: 'unique: a window lasts for its time, whatever became of the message',
    needs: 'unique',
    async run(harness) {
      const { transport } = await harness.open()
      const window = { while: 'window', window: harness.lease } as const
      const first = unique(harness, window)
      assert.equal(await send(transport, first), 'stored')
      await end(transport, await take(harness, transport))
      assert.deepEqual(await send(transport, unique(harness, window)), { kept: first.id })
      await harness.advance(harness.lease + slack)
      assert.equal(await send(transport, unique(harness, window)), 'stored')
    },
  },
  {
    name: 'unique: what waits is replaced, and comes out as cancelled; also what was scheduled',
    needs: 'unique',
    async run(harness) {
      const { transport } = await harness.open()
      const replace = { onConflict: 'replace' } as const
      const first = unique(harness, replace, { delay: longLease })
      const second = unique(harness, replace)
      assert.equal(await send(transport, first), 'stored')
      assert.deepEqual(await send(transport, second), { replaced: first.id })
      const both = await look(harness, transport)
      const reasons = new Map(both.map(({ id, cancelled }) => [id, cancelled]))
      assert.deepEqual(
        reasons,
        new Map([
          [first.id, `replaced by ${second.id}`],
          [second.id, undefined],
        ]),
      )
      assert.deepEqual(await send(transport, unique(harness)), { kept: second.id })
    },
  },
  {
    name: 'unique: what runs is replaced: it is told, and its result is refused',
    needs: 'unique',
    async run(harness) {
      const { transport } = await harness.open()
      const first = unique(harness)
      await send(transport, first)
      const delivery = await take(harness, transport)
      const second = unique(harness, { onConflict: 'replace' })
      assert.deepEqual(await send(transport, second), { replaced: first.id })
      const { cancelled } = await transport.extend([delivery], longLease)
      assert.equal(only(cancelled).reason, `replaced by ${second.id}`)
      assert.equal(await end(transport, delivery), 'cancelled')
      const outcome = { kind: 'cancelled', reason: 'replaced' } as const
      assert.equal(await end(transport, delivery, { outcome }), 'settled')
      assert.equal((await take(harness, transport)).id, second.id)
    },
  },
  {
    name: 'unique: replaced again and again, a message is due within its time after the first',
    needs: 'unique',
    async run(harness) {
      const { transport } = await harness.open()
      const { lease } = harness
      const replace = { onConflict: 'replace', within: 2 * lease } as const
      let last = ''
      for (let i = 0; i < 4; i++) {
        const next = unique(harness, replace, { delay: lease })
        await send(transport, next)
        last = next.id
        await harness.advance(0.6 * lease)
      }
      // The last was to wait for a lease, but 2.4 leases have passed since the first.
      const runs = (await look(harness, transport)).filter(
        ({ cancelled }) => cancelled === undefined,
      )
      assert.deepEqual(idsOf(runs), [last])
    },
  },
  {
    name: 'unique: of many senders at once, one wins',
    needs: 'unique',
    async run(harness) {
      const all = [await harness.open(), await harness.open(), await harness.open()]
      for (let round = 0; round < 10; round++) {
        const envelopes = Array.from({ length: 12 }, () => unique(harness, { key: `k${round}` }))
        const statuses = await Promise.all(
          envelopes.map((envelope, i) =>
            send((all[i % 3] ?? (all[0] as (typeof all)[0])).transport, envelope),
          ),
        )
        const winner = envelopes[statuses.indexOf('stored')]
        const others = statuses.filter((status) => status !== 'stored')
        assert.deepEqual(
          others,
          others.map(() => ({ kept: winner?.id })),
        )
        assert.equal(others.length, 11)
      }
    },
  },
  {
    name: 'unique: in one call the first wins, and messages without a key are as ever',
    needs: 'unique',
    async run(harness) {
      const { transport } = await harness.open()
      const [a, b] = [unique(harness), unique(harness)]
      const plain = messages(harness, 2)
      const statuses = await transport.send(
        [plain[0], a, b, plain[1]].filter((one) => one !== undefined),
      )
      assert.deepEqual(statuses, ['stored', 'stored', { kept: a.id }, 'stored'])
      assert.equal((await look(harness, transport)).length, 3)
    },
  },
  {
    name: 'unique: the inspector tells who took a key last',
    needs: 'unique',
    async run(harness) {
      const { transport, inspector } = await open(harness)
      const first = unique(harness)
      await send(transport, first)
      assert.deepEqual(await inspector.keyHolders(['no such key', 'key']), [null, first.id])
      assert.deepEqual(await inspector.keyHolders([]), [])
    },
  },
  {
    name: 'unique: a key that is no key is refused, and nothing is stored',
    needs: 'unique',
    async run(harness) {
      const { transport } = await harness.open()
      for (const more of [{ key: '' }, { key: 'k'.repeat(201) }, { while: 'window' }] as const) {
        await refuses(transport.send([message(harness), unique(harness, more)]), 'INVALID_INPUT')
      }
      await nothing(harness, transport)
    },
  },
]
