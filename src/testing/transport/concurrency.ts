import assert from 'node:assert/strict'
import type { OpenTransport } from '../../core/vendor.ts'
import type { TransportBehaviour, TransportHarness } from './harness.ts'
import { end, idsOf, messages, post, succeeded, take, waitFor } from './verbs.ts'

/** Consumers that take part in the queue until `count` messages were settled; how often each id was handed out. */
async function drain(
  harness: TransportHarness,
  instances: readonly OpenTransport[],
  { consumers, count }: { consumers: number; count: number },
): Promise<Map<string, number>> {
  const seen = new Map<string, number>()
  const done = new AbortController()
  let settled = 0
  const consume = async ({ transport }: OpenTransport): Promise<void> => {
    while (!done.signal.aborted) {
      const got = await waitFor(harness, transport, { room: 25, signal: done.signal })
      for (const { id } of got) seen.set(id, (seen.get(id) ?? 0) + 1)
      const answers = await transport.settle(got.map((claim) => ({ claim, outcome: succeeded })))
      settled += answers.filter((answer) => answer === 'settled').length
      if (settled >= count) done.abort()
    }
  }
  const each = consumers / instances.length
  const running = instances.flatMap((instance) => Array<OpenTransport>(each).fill(instance))
  await Promise.all(running.map(consume))
  return seen
}

/** Many at a time. */
export const concurrencyBehaviours: readonly TransportBehaviour[] = [
  {
    name: 'concurrency: eight consumers over two instances drain 2,000 messages, each exactly once',
    async run(harness) {
      const instances = [await harness.open(), await harness.open()]
      const sent = messages(harness, 2_000)
      await instances[0]?.transport.send(sent)
      const seen = await drain(harness, instances, { consumers: 8, count: sent.length })
      assert.equal(seen.size, sent.length)
      assert.deepEqual([...new Set(seen.values())], [1])
    },
  },
  {
    name: 'concurrency: four senders beside four consumers, each message exactly once',
    async run(harness) {
      const [a, b] = [await harness.open(), await harness.open()]
      const sent = messages(harness, 400)
      const send = async (from: number): Promise<void> => {
        const { transport } = from % 2 ? a : b
        for (let i = from; i < sent.length; i += 20) await transport.send(sent.slice(i, i + 5))
      }
      const [seen] = await Promise.all([
        drain(harness, [a, b], { consumers: 4, count: sent.length }),
        ...[0, 5, 10, 15].map(send),
      ])
      assert.deepEqual([...seen.keys()].sort(), idsOf(sent).sort())
      assert.deepEqual([...new Set(seen.values())], [1])
    },
  },
  {
    name: 'concurrency: of many settlements of one claim exactly one is stored',
    async run(harness) {
      const [a, b] = [await harness.open(), await harness.open()]
      await post(harness, a.transport)
      const delivery = await take(harness, a.transport)
      const answers = await Promise.all(
        [a, b, a, b, a].map(({ transport }) => end(transport, delivery)),
      )
      assert.deepEqual(answers.sort(), ['gone', 'gone', 'gone', 'gone', 'settled'])
    },
  },
]
