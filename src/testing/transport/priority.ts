import assert from 'node:assert/strict'
import type { TransportBehaviour } from './harness.ts'
import { bodiesOf, idsOf, look, message, post, slack, take } from './verbs.ts'

const shuffled = [3, 9, 0, 5, 1, 8, 2, 7, 4, 6]
const descending = ['9', '8', '7', '6', '5', '4', '3', '2', '1', '0']

/** The ten priorities. */
export const priorityBehaviours: readonly TransportBehaviour[] = [
  {
    name: 'priority: all ten are kept apart, in one batch',
    needs: 'priorities',
    async run(harness) {
      const { transport } = await harness.open()
      await transport.send(
        shuffled.map((priority) => message(harness, { priority, body: `${priority}` })),
      )
      assert.deepEqual(bodiesOf(await look(harness, transport)), descending)
    },
  },
  {
    name: 'priority: all ten are kept apart, one by one',
    needs: 'priorities',
    async run(harness) {
      const { transport } = await harness.open()
      for (const priority of shuffled)
        await post(harness, transport, { priority, body: `${priority}` })
      const got = []
      for (const _ of shuffled) got.push(await take(harness, transport))
      assert.deepEqual(bodiesOf(got), descending)
    },
  },
  {
    name: 'priority: first in, first out within one',
    needs: 'priorities',
    async run(harness) {
      const { transport } = await harness.open()
      const sent = Array.from({ length: 30 }, (_, i) => message(harness, { priority: i % 3 }))
      await transport.send(sent)
      const expected = [2, 1, 0].flatMap((level) => sent.filter((it) => it.priority === level))
      const halves = [
        ...(await look(harness, transport, { room: 13 })),
        ...(await look(harness, transport)),
      ]
      assert.deepEqual(idsOf(halves), idsOf(expected))
    },
  },
  {
    name: 'priority: a higher one that comes later goes first',
    needs: 'priorities',
    async run(harness) {
      const { transport } = await harness.open()
      await post(harness, transport, { priority: 0, body: 'low' })
      await post(harness, transport, { priority: 9, body: 'high' })
      assert.equal((await take(harness, transport)).body, 'high')
      await post(harness, transport, { priority: 1, body: 'middle' })
      assert.equal((await take(harness, transport)).body, 'middle')
      assert.equal((await take(harness, transport)).body, 'low')
    },
  },
  {
    name: 'priority: holds for messages whose time has come',
    needs: 'delayed',
    async run(harness) {
      if (!harness.capabilities.priorities) return
      const { transport } = await harness.open()
      await transport.send([
        message(harness, { priority: 2, body: 'low', delay: harness.lease }),
        message(harness, { priority: 7, body: 'high', delay: harness.lease }),
      ])
      await harness.advance(harness.lease + slack)
      await post(harness, transport, { priority: 5, body: 'middle' })
      assert.deepEqual(bodiesOf(await look(harness, transport)), ['high', 'middle', 'low'])
    },
  },
  {
    name: 'priority: stays when a message comes again',
    needs: 'priorities',
    async run(harness) {
      const { transport } = await harness.open()
      await post(harness, transport, { priority: 3, body: 'back' })
      await transport.release([await take(harness, transport)])
      await post(harness, transport, { priority: 8, body: 'high' })
      await post(harness, transport, { priority: 2, body: 'low' })
      assert.deepEqual(bodiesOf(await look(harness, transport)), ['high', 'back', 'low'])
    },
  },
  {
    name: 'priority: orders the suspects too',
    needs: 'priorities',
    async run(harness) {
      const { transport } = await harness.open()
      for (const priority of [2, 8, 5])
        await post(harness, transport, { priority, body: `${priority}` })
      await look(harness, transport, { lease: harness.lease })
      await harness.advance(harness.lease + slack)
      assert.deepEqual(bodiesOf(await look(harness, transport)), ['8', '5', '2'])
    },
  },
]
