import assert from 'node:assert/strict'
import type { TransportBehaviour } from './harness.ts'
import { deadLetterViews } from './inspector-dead.ts'
import { pageViews } from './inspector-pages.ts'
import { bury, countsOf, open } from './inspected.ts'
import { end, longLease, look, messages, only, post, resultOf, slack, take } from './verbs.ts'

/** Looking into queues. */
const views: readonly TransportBehaviour[] = [
  {
    name: 'inspector: counts the messages of each queue by state',
    needs: 'delayed',
    async run(harness) {
      const { transport, inspector } = await open(harness)
      const other = `${harness.queue}-other`
      await bury(harness, transport)
      await transport.send(messages(harness, 5))
      await post(harness, transport, { queue: other })
      await look(harness, transport, { room: 2 })
      await transport.send(messages(harness, 4, { delay: 60_000 }))
      const cap = harness.capabilities.caps ? 50 : null
      if (cap !== null) await transport.configureQueues({ [harness.queue]: { cap } })
      assert.deepEqual(await countsOf(inspector, harness.queue), {
        queue: harness.queue,
        queued: 3,
        scheduled: 4,
        running: 2,
        dead: 1,
        cap,
      })
      const empty = { queue: other, queued: 1, scheduled: 0, running: 0, dead: 0, cap: null }
      assert.deepEqual(await countsOf(inspector, other), empty)
    },
  },
  {
    name: 'inspector: a queue that has been emptied is still listed',
    async run(harness) {
      const { transport, inspector } = await open(harness)
      await post(harness, transport)
      await end(transport, await take(harness, transport))
      const { queued, scheduled, running, dead } = await countsOf(inspector, harness.queue)
      assert.deepEqual([queued, scheduled, running, dead], [0, 0, 0, 0])
    },
  },
  {
    name: 'inspector: what is due is queued',
    needs: 'delayed',
    async run(harness) {
      const { transport, inspector } = await open(harness)
      const { id } = await post(harness, transport, { delay: harness.lease })
      assert.deepEqual(await inspector.states([id]), ['scheduled'])
      await harness.advance(harness.lease + slack)
      assert.deepEqual(await inspector.states([id]), ['queued'])
      const { queued, scheduled } = await countsOf(inspector, harness.queue)
      assert.deepEqual([queued, scheduled], [1, 0])
      assert.equal(only(await inspector.peek(harness.queue, { limit: 9 })).state, 'queued')
    },
  },
  {
    name: 'inspector: tells the state of each id, in order',
    needs: 'delayed',
    async run(harness) {
      const { transport, inspector } = await open(harness)
      await transport.send(messages(harness, 3, { priority: 9 }))
      const [running, retrying, ended] = await look(harness, transport)
      assert.ok(running && retrying && ended)
      const outcome = { kind: 'retry', delay: 60_000, body: 'again' } as const
      await end(transport, retrying, { outcome })
      await end(transport, ended, { result: resultOf(ended) })
      const dead = await bury(harness, transport, { reason: 'poison' })
      const failed = await bury(harness, transport, { reason: 'failed' })
      const queued = (await post(harness, transport)).id
      const scheduled = (await post(harness, transport, { delay: 60_000 })).id
      const ids = [queued, scheduled, running.id, retrying.id, ended.id, dead, failed, harness.id()]
      assert.deepEqual(await inspector.states(ids), [
        'queued',
        'scheduled',
        'running',
        'retrying',
        null,
        'dead',
        'failed',
        null,
      ])
    },
  },
  {
    name: 'inspector: what was cancelled while it waited runs until it is settled',
    needs: 'delayed',
    async run(harness) {
      const { transport, inspector } = await open(harness)
      const ids = [
        (await post(harness, transport)).id,
        (await post(harness, transport, { delay: 60_000 })).id,
      ]
      await post(harness, transport)
      const answers = await transport.cancel(ids, { reason: 'why', lease: longLease })
      assert.deepEqual(await inspector.states(ids), ['running', 'running'])
      const counts = async (): Promise<number[]> => {
        const { queued, scheduled, running } = await countsOf(inspector, harness.queue)
        return [queued, scheduled, running]
      }
      assert.deepEqual(await counts(), [1, 0, 2])
      const outcome = { kind: 'cancelled', reason: 'why' } as const
      for (const answer of answers) {
        assert.ok(answer.state === 'waiting')
        await end(transport, answer.delivery, { outcome })
      }
      assert.deepEqual(await counts(), [1, 0, 0])
    },
  },
  {
    name: 'inspector: peeks at messages, oldest first, without claiming them',
    needs: 'delayed',
    async run(harness) {
      const { transport, inspector } = await open(harness)
      const before = harness.now()
      await transport.send(messages(harness, 2, { priority: 3 }))
      const first = await take(harness, transport)
      await post(harness, transport, { body: 'later', at: before + 90_000 })
      const seen = await inspector.peek(harness.queue, { limit: 10 })
      assert.deepEqual(
        seen.map(({ queue, priority, state, body, redeliveries }) => ({
          queue,
          priority,
          state,
          body,
          redeliveries,
        })),
        [
          { priority: 3, state: 'running', body: '0' },
          { priority: 3, state: 'queued', body: '1' },
          { priority: 4, state: 'scheduled', body: 'later' },
        ].map((expected) => ({ queue: harness.queue, redeliveries: 0, ...expected })),
      )
      const [running, queued, scheduled] = seen
      assert.ok(running && queued && scheduled)
      assert.ok(running.at >= before + 60_000)
      assert.ok(queued.at >= before && queued.at <= harness.now())
      assert.equal(scheduled.at, before + 90_000)
      assert.equal(await end(transport, first), 'settled')
      assert.equal((await look(harness, transport)).length, 1)
    },
  },
  {
    name: 'inspector: peeks at a queue from which nobody has received yet',
    async run(harness) {
      const { transport, inspector } = await open(harness)
      const queue = `${harness.queue}-untouched`
      assert.deepEqual(await inspector.peek(queue, { limit: 9 }), [])
      const { id } = await post(harness, transport, { queue })
      const seen = await inspector.peek(queue, { limit: 9 })
      assert.deepEqual(
        seen.map((one) => [one.id, one.state, one.redeliveries]),
        [[id, 'queued', 0]],
      )
    },
  },
]

/** What every {@link Inspector} promises; used with the harness of `transportBehaviours`. */
export const inspectorBehaviours: readonly TransportBehaviour[] = [
  ...views,
  ...pageViews,
  ...deadLetterViews,
]
