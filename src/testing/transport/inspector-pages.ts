import assert from 'node:assert/strict'
import type { Inspector, PageRequest, StoredMessage } from '../../core/inspector.ts'
import type { TransportBehaviour } from './harness.ts'
import { open } from './inspected.ts'
import { end, idsOf, longLease, look, messages, only, post, slack, succeeded } from './verbs.ts'

type Pages = (queue: string, page: PageRequest) => Promise<readonly StoredMessage[]>

/** Walks over all pages of a queue; the ids that were seen, in order. */
async function walk(pages: Pages, queue: string, limit: number): Promise<string[]> {
  const seen: string[] = []
  for (let after: string | undefined; ;) {
    const page = idsOf(await pages(queue, { limit, after }))
    assert.ok(page.length <= limit)
    seen.push(...page)
    assert.ok(seen.length < 1000, 'the pages do not end')
    if (page.length < limit) return seen
    after = page.at(-1)
  }
}

function peekOf(inspector: Inspector): Pages {
  return (queue, page) => inspector.peek(queue, page)
}

/** Pages of messages. */
export const pageViews: readonly TransportBehaviour[] = [
  {
    name: 'inspector: peeks page by page',
    async run(harness) {
      const { transport, inspector } = await open(harness)
      const sent = messages(harness, 7)
      await transport.send(sent)
      await post(harness, transport, { queue: `${harness.queue}-other` })
      const pages: string[][] = []
      let after: string | undefined
      for (let i = 0; i < 4; i++) {
        const page = idsOf(await inspector.peek(harness.queue, { limit: 3, after }))
        pages.push(page)
        after = page.at(-1) ?? after
      }
      const ids = idsOf(sent)
      assert.deepEqual(pages, [ids.slice(0, 3), ids.slice(3, 6), ids.slice(6), []])
    },
  },
  {
    name: 'inspector: pages show each message once, whatever its priority and state',
    needs: 'delayed',
    async run(harness) {
      const { transport, inspector } = await open(harness)
      const sent = [
        ...messages(harness, 3, { priority: 0 }),
        ...messages(harness, 3),
        ...messages(harness, 3, { delay: 60_000 }),
        ...messages(harness, 3, { priority: 9 }),
        ...messages(harness, 3, { delay: 90_000, priority: 7 }),
      ]
      await transport.send(sent)
      const running = await look(harness, transport, { room: 4 })
      const [back] = running
      assert.ok(back)
      assert.deepEqual(await transport.release([back]), ['settled'])
      for (const limit of [1, 2, 4, 15, 100]) {
        const seen = await walk(peekOf(inspector), harness.queue, limit)
        assert.deepEqual(seen.toSorted(), idsOf(sent).toSorted(), `pages of ${limit}`)
      }
      const page = await inspector.peek(harness.queue, { limit: 100 })
      const inState = (state: string): number => page.filter((one) => one.state === state).length
      assert.deepEqual([inState('queued'), inState('running'), inState('scheduled')], [6, 3, 6])
    },
  },
  {
    name: 'inspector: a page goes on although the message before it has left',
    async run(harness) {
      const { transport, inspector } = await open(harness)
      const sent = messages(harness, 6)
      await transport.send(sent)
      const ids = idsOf(sent)
      const first = await inspector.peek(harness.queue, { limit: 2 })
      assert.deepEqual(idsOf(first), ids.slice(0, 2))
      for (const one of await look(harness, transport, { room: 2 }))
        assert.equal(await end(transport, one, { outcome: succeeded }), 'settled')
      const next = await inspector.peek(harness.queue, { limit: 3, after: ids[1] })
      assert.deepEqual(idsOf(next), ids.slice(2, 5))
    },
  },
  {
    name: 'inspector: a page behind a message that nobody knows begins at the start',
    async run(harness) {
      const { transport, inspector } = await open(harness)
      const sent = messages(harness, 2)
      await transport.send(sent)
      const page = await inspector.peek(harness.queue, { limit: 9, after: harness.id() })
      assert.deepEqual(idsOf(page), idsOf(sent))
    },
  },
  {
    name: 'inspector: an inspector goes on where another one ended',
    needs: 'delayed',
    async run(harness) {
      const { transport, inspector } = await open(harness)
      const { inspector: other } = await open(harness)
      const sent = messages(harness, 4)
      await transport.send([...sent, ...messages(harness, 2, { delay: 60_000 })])
      const all = idsOf(await inspector.peek(harness.queue, { limit: 9 }))
      assert.deepEqual(all.slice(0, 4), idsOf(sent))
      for (const [i, after] of all.entries()) {
        const page = idsOf(await other.peek(harness.queue, { limit: 9, after }))
        assert.deepEqual(page, all.slice(i + 1), `behind the ${i + 1}.`)
      }
    },
  },
  {
    name: 'inspector: lists what is scheduled, the soonest first, page by page',
    needs: 'delayed',
    async run(harness) {
      const { transport, inspector } = await open(harness)
      const { inspector: other } = await open(harness)
      const at = harness.now() + 60_000
      const late = messages(harness, 2, { at: at + 60_000, priority: 9 })
      // Many of one moment, as a nightly plan has them.
      const together = messages(harness, 5, { at })
      await transport.send([...late, ...messages(harness, 3), ...together])
      await post(harness, transport, { at, queue: `${harness.queue}-other` })
      const due = await post(harness, transport, { delay: harness.lease })
      await look(harness, transport, { room: 1 })
      await harness.advance(harness.lease + slack)
      assert.deepEqual(await inspector.states([due.id]), ['queued'])
      const expected = idsOf([...together, ...late])
      const scheduled: Pages = (queue, page) => inspector.scheduled(queue, page)
      for (const limit of [1, 3, 7, 50])
        assert.deepEqual(await walk(scheduled, harness.queue, limit), expected)
      const [first] = await inspector.scheduled(harness.queue, { limit: 1 })
      assert.deepEqual(
        { ...first, priority: 4 },
        { ...first, state: 'scheduled', at, body: '0', redeliveries: 0, priority: 4 },
      )
      for (const [i, after] of expected.entries()) {
        const page = idsOf(await other.scheduled(harness.queue, { limit: 9, after }))
        assert.deepEqual(page, expected.slice(i + 1))
      }
    },
  },
  {
    name: 'inspector: pages of what is scheduled go on although the message before them has left',
    needs: 'delayed',
    async run(harness) {
      const { transport, inspector } = await open(harness)
      const at = harness.now() + 60_000
      const sent = messages(harness, 5, { at })
      await transport.send(sent)
      const ids = idsOf(sent)
      assert.deepEqual(
        idsOf(await inspector.scheduled(harness.queue, { limit: 2 })),
        ids.slice(0, 2),
      )
      const ask = { reason: 'why', lease: longLease }
      const answer = only(await transport.cancel(ids.slice(1, 2), ask))
      assert.ok(answer.state === 'waiting')
      const outcome = { kind: 'cancelled', reason: 'why' } as const
      assert.equal(await end(transport, answer.delivery, { outcome }), 'settled')
      const next = await inspector.scheduled(harness.queue, { limit: 2, after: ids[1] })
      assert.deepEqual(idsOf(next), ids.slice(2, 4))
    },
  },
]
