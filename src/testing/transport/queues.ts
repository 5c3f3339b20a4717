import assert from 'node:assert/strict'
import type { Delivery } from '../../core/delivery.ts'
import type { TransportBehaviour } from './harness.ts'
import { bodiesOf, look, messages, only, post, take, waitFor } from './verbs.ts'

function share(got: readonly Delivery[], queue: string): number {
  return got.filter((delivery) => delivery.queue === queue).length
}

/** Several queues in one receive. */
export const queueBehaviours: readonly TransportBehaviour[] = [
  {
    name: 'queues: each has a fair share of the room',
    async run(harness) {
      const { transport } = await harness.open()
      const queues = ['a', 'b', 'c'].map((end) => `${harness.queue}-${end}`)
      for (const queue of queues) await transport.send(messages(harness, 40, { queue }))
      for (let round = 0; round < 3; round++) {
        const got = await look(harness, transport, { queues, room: 30 })
        assert.deepEqual(
          queues.map((queue) => share(got, queue)),
          [10, 10, 10],
        )
      }
    },
  },
  {
    name: 'queues: what one leaves of its share goes to the others',
    async run(harness) {
      const { transport } = await harness.open()
      const [small, large] = [`${harness.queue}-small`, `${harness.queue}-large`]
      await transport.send(messages(harness, 2, { queue: small }))
      await transport.send(messages(harness, 50, { queue: large }))
      const got = await look(harness, transport, { queues: [small, large], room: 20 })
      assert.deepEqual([share(got, small), share(got, large)], [2, 18])
    },
  },
  {
    name: 'queues: each has the share that is asked for, and what it leaves goes to the others in order',
    async run(harness) {
      const { transport } = await harness.open()
      const queues = ['low', 'high', 'none', 'mid'].map((end) => `${harness.queue}-${end}`)
      const [low = '', high = '', none = '', mid = ''] = queues
      await transport.send(messages(harness, 30, { queue: low }))
      await transport.send(messages(harness, 30, { queue: high }))
      await transport.send(messages(harness, 4, { queue: mid }))
      const order = [high, none, mid, low]
      const counts = async (shares: readonly number[], room: number): Promise<number[]> => {
        const got = await look(harness, transport, { queues: order, room, shares })
        return order.map((queue) => share(got, queue))
      }
      assert.deepEqual(await counts([6, 1, 2, 1], 10), [7, 0, 2, 1])
      // For one at a time, whoever has the share is served though others stand before it.
      assert.deepEqual(await counts([0, 0, 0, 1], 1), [0, 0, 0, 1])
      assert.deepEqual(await counts([0, 0, 1, 0], 1), [0, 0, 1, 0])
      // All to the first: strict.
      assert.deepEqual(await counts([20, 0, 0, 0], 20), [20, 0, 0, 0])
      assert.deepEqual(await counts([20, 0, 0, 0], 20), [3, 0, 1, 16])
    },
  },
  {
    name: 'queues: shares hold for what comes back and for what comes while a receive waits',
    async run(harness) {
      const { transport } = await harness.open()
      const [first, second] = [`${harness.queue}-first`, `${harness.queue}-second`]
      const queues = [first, second]
      const shares = [4, 0]
      const waiting = waitFor(harness, transport, { queues, room: 4, shares })
      await transport.send(messages(harness, 6, { queue: second }))
      const got = await waiting
      assert.ok(got.length > 0 && got.length <= 4)
      await transport.release(got)
      await transport.send(messages(harness, 3, { queue: first }))
      const next = await look(harness, transport, { queues, room: 4, shares })
      assert.deepEqual([share(next, first), share(next, second)], [3, 1])
    },
  },
  {
    name: 'queues: none starves when there is room for one only',
    async run(harness) {
      const { transport } = await harness.open()
      const queues = ['a', 'b', 'c'].map((end) => `${harness.queue}-${end}`)
      for (const queue of queues) await transport.send(messages(harness, 20, { queue }))
      const got: Delivery[] = []
      for (let i = 0; i < 12; i++) {
        got.push(only(await look(harness, transport, { queues, room: 1 })))
      }
      for (const queue of queues) {
        assert.ok(share(got, queue) >= 2, `${queue} had ${share(got, queue)} of 12`)
      }
    },
  },
  {
    name: 'queues: priorities and order hold in each',
    needs: 'priorities',
    async run(harness) {
      const { transport } = await harness.open()
      const queues = ['a', 'b'].map((end) => `${harness.queue}-${end}`)
      for (const queue of queues) {
        await transport.send(messages(harness, 3, { queue, priority: 1 }))
        await post(harness, transport, { queue, priority: 9, body: 'first' })
      }
      const got = await look(harness, transport, { queues, room: 20 })
      for (const queue of queues) {
        const own = got.filter((delivery) => delivery.queue === queue)
        assert.deepEqual(bodiesOf(own), ['first', '0', '1', '2'])
      }
    },
  },
  {
    name: 'queues: naming one twice changes nothing',
    async run(harness) {
      const { transport } = await harness.open()
      await transport.send(messages(harness, 3))
      const got = await look(harness, transport, { queues: [harness.queue, harness.queue] })
      assert.deepEqual(bodiesOf(got), ['0', '1', '2'])
    },
  },
  {
    name: 'queues: names are told apart, whatever they are made of',
    async run(harness) {
      const { transport } = await harness.open()
      const names = ['é', 'E', 'e', ' e ', "e'; --", '😀', 'x'.repeat(100)]
      const queues = names.map((name) => `${harness.queue}-${name}`)
      for (const queue of queues) await post(harness, transport, { queue, body: queue })
      for (const queue of queues) {
        const delivery = await take(harness, transport, { queues: [queue], room: 10 })
        assert.deepEqual([delivery.queue, delivery.body], [queue, queue])
      }
    },
  },
]
