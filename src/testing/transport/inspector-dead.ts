import assert from 'node:assert/strict'
import type { TransportBehaviour } from './harness.ts'
import { bury, countsOf, open } from './inspected.ts'
import { end, idsOf, look, message, nothing, post, resultOf, slack, take } from './verbs.ts'

/** Dead letters, as the inspector shows and changes them. */
export const deadLetterViews: readonly TransportBehaviour[] = [
  {
    name: 'inspector: a dead letter tells what it was and why',
    async run(harness) {
      const { transport, inspector } = await open(harness)
      const { id } = await post(harness, transport, { priority: 7, body: 'bytes' })
      await take(harness, transport, { lease: harness.lease })
      await harness.advance(harness.lease + slack)
      const before = harness.now()
      const outcome = { kind: 'setAside', reason: 'poison', detail: 'twice' } as const
      await end(transport, await take(harness, transport), { outcome })
      const letter = await inspector.deadLetter(id)
      assert.ok(letter)
      const { at, ...rest } = letter
      assert.deepEqual(rest, {
        id,
        queue: harness.queue,
        priority: 7,
        body: 'bytes',
        reason: 'poison',
        detail: 'twice',
        redeliveries: 1,
      })
      assert.ok(at >= before && at <= harness.now())
      assert.equal(await inspector.deadLetter(harness.id()), null)
      assert.deepEqual(await inspector.peek(harness.queue, { limit: 9 }), [])
    },
  },
  {
    name: 'inspector: dead letters are listed newest first, page by page, by queue',
    async run(harness) {
      const { transport, inspector } = await open(harness)
      const queue = `${harness.queue}-other`
      const ids: string[] = []
      for (let i = 0; i < 5; i++) {
        ids.unshift(await bury(harness, transport))
        await harness.advance(1)
      }
      const foreign = await bury(harness, transport, { queue })
      const first = await inspector.deadLetters({ queue: harness.queue, limit: 3 })
      assert.deepEqual(idsOf(first), ids.slice(0, 3))
      const after = first.at(-1)?.id
      const second = await inspector.deadLetters({ queue: harness.queue, limit: 3, after })
      assert.deepEqual(idsOf(second), ids.slice(3))
      assert.deepEqual(idsOf(await inspector.deadLetters({ queue, limit: 9 })), [foreign])
      assert.equal((await inspector.deadLetters({ limit: 9 }))[0]?.id, foreign)
    },
  },
  {
    name: 'inspector: a retried dead letter is queued again with a fresh budget, without its result',
    async run(harness) {
      const { transport, results, inspector } = await open(harness)
      const { id } = await post(harness, transport, { priority: 8, body: 'old' })
      await take(harness, transport, { lease: harness.lease })
      await harness.advance(harness.lease + slack)
      const delivery = await take(harness, transport)
      const outcome = { kind: 'setAside', reason: 'failed', detail: 'why' } as const
      await end(transport, delivery, { outcome, result: resultOf({ id }, 'it failed') })
      const missing = harness.id()
      assert.deepEqual(await inspector.retryDead([missing, id]), [id])
      assert.deepEqual(await results.get([id]), [null])
      assert.equal(await inspector.deadLetter(id), null)
      assert.equal((await countsOf(inspector, harness.queue)).dead, 0)
      assert.deepEqual(await inspector.retryDead([id]), [])
      const again = await take(harness, transport)
      assert.deepEqual(
        [again.id, again.body, again.priority, again.redeliveries, again.cancelled],
        [id, 'old', 8, 0, undefined],
      )
      assert.equal(await end(transport, delivery), 'taken')
      assert.equal(await end(transport, again, { result: resultOf({ id }, 'now') }), 'settled')
      if (harness.capabilities.atomicResults) assert.deepEqual(await results.get([id]), ['now'])
    },
  },
  {
    name: 'inspector: a retried dead letter takes a new body, and wakes a waiting receive',
    async run(harness) {
      const [a, b] = [await open(harness), await open(harness)]
      const [first, second] = [await bury(harness, a.transport), await bury(harness, a.transport)]
      const waiting = look(harness, b.transport, { wait: undefined, room: 1 })
      await a.inspector.retryDead([first, second], new Map([[second, 'mended']]))
      const got = [...(await waiting), ...(await look(harness, b.transport))]
      assert.deepEqual(
        new Map(got.map(({ id, body }) => [id, body])),
        new Map([
          [first, 'of failed'],
          [second, 'mended'],
        ]),
      )
    },
  },
  {
    name: 'inspector: a retried dead letter does not expire any more',
    async run(harness) {
      const { transport, inspector } = await open(harness)
      const { id } = await post(harness, transport, { expires: harness.now() + 1 })
      const outcome = { kind: 'setAside', reason: 'expired', detail: 'too late' } as const
      await end(transport, await take(harness, transport), { outcome })
      await inspector.retryDead([id])
      assert.equal((await take(harness, transport)).expires, undefined)
    },
  },
  {
    name: 'inspector: a deleted dead letter is gone for good, and its id is free',
    async run(harness) {
      const { transport, inspector } = await open(harness)
      const [first, second] = [await bury(harness, transport), await bury(harness, transport)]
      assert.equal(await inspector.deleteDead([first, harness.id()]), 1)
      assert.equal(await inspector.deleteDead([first]), 0)
      assert.deepEqual(await inspector.retryDead([first]), [])
      assert.deepEqual(await inspector.states([first, second]), [null, 'failed'])
      assert.equal((await countsOf(inspector, harness.queue)).dead, 1)
      assert.deepEqual(await transport.send([message(harness, { id: first })]), ['stored'])
      await take(harness, transport)
      await nothing(harness, transport)
    },
  },
  {
    name: 'inspector: the oldest dead letters go, by age and by count, so many at a time',
    async run(harness) {
      const { transport, inspector } = await open(harness)
      const { queue } = harness
      const ids: string[] = []
      for (let i = 0; i < 6; i++) {
        ids.push(await bury(harness, transport))
        await harness.advance(5)
      }
      const other = await bury(harness, transport, { queue: `${queue}-other` })
      assert.equal(await inspector.trimDead({ queue, limit: 9 }), 0)
      assert.equal(await inspector.trimDead({ queue, keep: 6, limit: 9 }), 0)
      const third = await inspector.deadLetter(ids[2] ?? '')
      assert.ok(third)
      assert.equal(await inspector.trimDead({ queue, before: third.at, limit: 1 }), 1)
      assert.equal(await inspector.trimDead({ queue, before: third.at, limit: 9 }), 1)
      assert.equal(await inspector.trimDead({ queue, keep: 3, limit: 9 }), 1)
      assert.deepEqual(idsOf(await inspector.deadLetters({ queue, limit: 9 })), [
        ids[5],
        ids[4],
        ids[3],
      ])
      assert.equal(await inspector.trimDead({ queue, keep: 0, limit: 2 }), 2)
      assert.equal(await inspector.trimDead({ queue, keep: 0, limit: 2 }), 1)
      assert.equal((await countsOf(inspector, queue)).dead, 0)
      assert.deepEqual(await inspector.states([ids[5] ?? '', other]), [null, 'failed'])
      assert.deepEqual(await transport.send([message(harness, { id: ids[5] ?? '' })]), ['stored'])
    },
  },
]
