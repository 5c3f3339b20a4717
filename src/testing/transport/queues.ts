import assert from 'node:assert/strict'
import type { Delivery } from '../../core/delivery.ts'
import type { TransportBehaviour } from './harness.ts'
import { bodiesOf, look, messages, only, post, take } from './verbs.ts'

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
