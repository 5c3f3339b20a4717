import assert from 'node:assert/strict'
import type { TransportBehaviour } from './harness.ts'
import {
  endAll,
  idsOf,
  look,
  message,
  messages,
  nothing,
  post,
  slack,
  take,
  waitFor,
} from './verbs.ts'

/** Receiving: who gets a message, how many, and how a wait ends. */
export const consumeBehaviours: readonly TransportBehaviour[] = [
  {
    name: 'consume: hands a message to exactly one of two consumers',
    async run(harness) {
      const [a, b] = [await harness.open(), await harness.open()]
      const sent = messages(harness, 20)
      await a.transport.send(sent)
      const looks = [a, b, a, b].map(({ transport }) => look(harness, transport, { room: 7 }))
      const got = (await Promise.all(looks)).flat()
      assert.deepEqual(idsOf(got).sort(), idsOf(sent).sort())
      assert.equal(new Set(got.map(({ token }) => token)).size, sent.length)
    },
  },
  {
    name: 'consume: hands out no more than there is room for',
    async run(harness) {
      const { transport } = await harness.open()
      const sent = messages(harness, 5)
      await transport.send(sent)
      const parts = [
        await look(harness, transport, { room: 2 }),
        await look(harness, transport, { room: 2 }),
        await look(harness, transport, { room: 2 }),
      ]
      assert.deepEqual(
        parts.map((part) => part.length),
        [2, 2, 1],
      )
      assert.deepEqual(idsOf(parts.flat()), idsOf(sent))
    },
  },
  {
    name: 'consume: answers at once with nothing when it may not wait',
    async run(harness) {
      const { transport } = await harness.open()
      assert.deepEqual(await look(harness, transport), [])
    },
  },
  {
    name: 'consume: ends with nothing when its time has passed',
    async run(harness) {
      const { transport } = await harness.open()
      const waiting = waitFor(harness, transport, { wait: harness.lease })
      await harness.advance(harness.lease + slack)
      assert.deepEqual(await waiting, [])
      const sent = await post(harness, transport)
      assert.equal((await take(harness, transport)).id, sent.id)
    },
  },
  {
    name: 'consume: a waiting receive wakes when the same instance sends',
    async run(harness) {
      const { transport } = await harness.open()
      const waiting = waitFor(harness, transport)
      const sent = await post(harness, transport)
      assert.deepEqual(idsOf(await waiting), [sent.id])
    },
  },
  {
    name: 'consume: a waiting receive wakes when another instance sends',
    async run(harness) {
      const [worker, producer] = [await harness.open(), await harness.open()]
      const waiting = waitFor(harness, worker.transport)
      const sent = await post(harness, producer.transport)
      assert.deepEqual(idsOf(await waiting), [sent.id])
    },
  },
  {
    name: 'consume: a waiting receive wakes for any of its queues',
    async run(harness) {
      const { transport } = await harness.open()
      const queues = ['a', 'b', 'c'].map((end) => `${harness.queue}-${end}`)
      for (const queue of queues) {
        const waiting = waitFor(harness, transport, { queues })
        const sent = await post(harness, transport, { queue })
        const got = await waiting
        assert.deepEqual(
          got.map((delivery) => [delivery.id, delivery.queue]),
          [[sent.id, queue]],
        )
      }
    },
  },
  {
    name: 'consume: two waiting receives get one message each once',
    async run(harness) {
      const [a, b] = [await harness.open(), await harness.open()]
      const waiting = [a, b].map(({ transport }) => waitFor(harness, transport, { room: 1 }))
      const sent = messages(harness, 2)
      await a.transport.send(sent)
      const got = (await Promise.all(waiting)).flat()
      assert.deepEqual(idsOf(got).sort(), idsOf(sent).sort())
    },
  },
  {
    name: 'consume: a receive whose wait was aborted ends with nothing and takes nothing later',
    async run(harness) {
      const [a, b] = [await harness.open(), await harness.open()]
      const stop = new AbortController()
      const waiting = waitFor(harness, a.transport, { signal: stop.signal })
      stop.abort()
      assert.deepEqual(await waiting, [])
      const sent = await post(harness, b.transport)
      assert.equal((await take(harness, b.transport)).id, sent.id)
    },
  },
  {
    name: 'consume: a signal that was aborted before claims nothing',
    async run(harness) {
      const { transport } = await harness.open()
      const sent = await post(harness, transport)
      const got = await waitFor(harness, transport, { signal: AbortSignal.abort() })
      assert.deepEqual(got, [])
      assert.equal((await take(harness, transport)).id, sent.id)
    },
  },
  {
    name: 'consume: an abort in the moment of a send loses nothing',
    async run(harness) {
      const [a, b] = [await harness.open(), await harness.open()]
      for (let round = 0; round < 20; round++) {
        const stop = new AbortController()
        const waiting = waitFor(harness, a.transport, { signal: stop.signal })
        const sent = message(harness)
        const sending = b.transport.send([sent])
        for (let turn = 0; turn < round; turn++) await Promise.resolve()
        stop.abort()
        const [got] = await Promise.all([waiting, sending])
        const rest = await look(harness, b.transport)
        assert.deepEqual(idsOf([...got, ...rest]), [sent.id])
        await endAll(a.transport, got)
        await endAll(b.transport, rest)
      }
    },
  },
  {
    name: 'consume: hands out only from the queues that were asked for',
    async run(harness) {
      const { transport } = await harness.open()
      const other = `${harness.queue}-other`
      await post(harness, transport, { queue: other })
      await nothing(harness, transport)
      assert.equal((await take(harness, transport, { queues: [other] })).queue, other)
    },
  },
]
