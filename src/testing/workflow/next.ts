import assert from 'node:assert/strict'
import type { Delivery } from '../../core/delivery.ts'
import { readNodeId } from '../../core/node-id.ts'
import type { Settlement } from '../../core/settlement.ts'
import type { SettledAndNext } from '../../core/transport.ts'
import type { TransportBehaviour, TransportHarness } from '../transport/harness.ts'
import { idsOf, look, longLease, message, only, succeeded } from '../transport/verbs.ts'
import { end, Stage, task } from './verbs.ts'

/** A settle that claims as well. It may claim none at any time: what it leaves is there for a receive. */
export const nextBehaviours: readonly TransportBehaviour[] = [
  {
    name: 'next: a chain is gone through by its settles, each step once and in order',
    needs: 'receivesInSettle',
    async run(harness) {
      const stage = await Stage.of(harness)
      const line = new Line(harness, stage)
      const length = 6
      const steps = Array.from({ length }, (_, ord) => after(harness, ord))
      await stage.send([...steps, end(length, [length - 1])])
      let [delivery] = await line.look()
      for (let ord = 0; ord < length; ord++) {
        assert.ok(delivery)
        assert.equal(readNodeId(delivery.id)?.ord, ord)
        // What a claim says of its start is what the store would.
        if (delivery.start !== undefined) {
          const place = { run: stage.run, ord, gen: 0 }
          assert.deepEqual(await stage.store.check([place]), [delivery.start.answer])
        }
        const { statuses, next } = await line.settle([stage.settlement(delivery)], 1)
        assert.deepEqual(statuses, ['settled'])
        assert.ok(next.length <= 1)
        ;[delivery] = next.length > 0 ? next : await line.look()
      }
      assert.equal(delivery, undefined)
      await stage.pump()
      assert.equal(await stage.state(), 'succeeded')
    },
  },
  {
    name: 'next: no more than the room, and what is left waits for others',
    needs: 'receivesInSettle',
    async run(harness) {
      const stage = await Stage.of(harness)
      const line = new Line(harness, stage)
      const behind = [1, 2, 3, 4].map((ord) => task(harness, ord, { sources: [0] }))
      await stage.send([task(harness, 0), ...behind, end(5, [1, 2, 3, 4])])
      const first = only(await line.look())
      const { next } = await line.settle([stage.settlement(first)], 3)
      assert.ok(next.length <= 3)
      await stage.pump()
      const other = await harness.open()
      const rest = await look(harness, other.transport, { room: 10 })
      assert.equal(next.length + rest.length, 4)
      assert.equal(new Set(idsOf([...next, ...rest])).size, 4)
    },
  },
  {
    name: 'next: whoever came first is first, whatever was released',
    needs: 'receivesInSettle',
    async run(harness) {
      const { stage, line, first } = await pairOf(harness)
      const earlier = message(harness)
      await stage.open.transport.send([earlier])
      const { next } = await line.settle([stage.settlement(first)], 1)
      const found = next.length > 0 ? next : await line.look(1)
      assert.deepEqual(idsOf(found), [earlier.id])
      assert.deepEqual(idsOf(await line.look()), [stage.id(1)])
    },
  },
  {
    name: 'next: what it has claimed is ours, and is found again where the answer was lost',
    needs: 'receivesInSettle',
    async run(harness) {
      const { stage, line, first } = await pairOf(harness)
      const { next } = await line.settle([stage.settlement(first)], 1)
      const { transport } = stage.open
      const lost = await transport.recover([], longLease)
      assert.deepEqual(idsOf(lost), idsOf(next))
      const [again = only(await line.look())] = lost
      assert.equal(again.redeliveries, 0)
      // The token of the lost answer is an old one.
      for (const delivery of next)
        assert.deepEqual(await transport.settle([{ claim: delivery, outcome: succeeded }]), [
          'taken',
        ])
      assert.equal(await stage.end(again), 'settled')
      assert.equal(await stage.state(), 'succeeded')
    },
  },
  {
    name: 'next: nothing of a run that was cancelled is taken to be free to start',
    needs: 'receivesInSettle',
    async run(harness) {
      const stage = await Stage.of(harness)
      const line = new Line(harness, stage)
      const nodes = [task(harness, 0), after(harness, 1), task(harness, 2)]
      await stage.send([...nodes, end(3, [1, 2])])
      const claimed = await line.look()
      const [first, other] = claimed
      assert.ok(first && other)
      await stage.open.transport.settle([stage.settlement(first)])
      await stage.store.control(stage.run, { kind: 'cancel', reason: 'enough' })
      await stage.pump()
      const { statuses, next } = await line.settle([stage.settlement(other)], 5)
      assert.deepEqual(statuses, ['cancelled'])
      const [answer] = await stage.store.check([{ run: stage.run, ord: 1, gen: 0 }])
      assert.equal(answer?.start, false)
      // The message of its step says so itself, or has the store asked.
      for (const { cancelled, start } of [...next, ...(await line.look())])
        assert.ok(cancelled === 'enough' || start === undefined)
    },
  },
]

/** What a worker does with one list of queues, which a transport may know by it. */
class Line {
  readonly #harness: TransportHarness
  readonly #stage: Stage
  readonly #queues: readonly string[]

  constructor(harness: TransportHarness, stage: Stage) {
    this.#harness = harness
    this.#stage = stage
    this.#queues = [harness.queue]
  }

  look(room = 10): Promise<readonly Delivery[]> {
    return look(this.#harness, this.#stage.open.transport, { room, queues: this.#queues })
  }

  settle(settlements: readonly Settlement[], room: number): Promise<SettledAndNext> {
    const { transport } = this.#stage.open
    const request = { queues: this.#queues, room, lease: longLease }
    const answer = transport.settleAndReceive?.(settlements, request)
    assert.ok(answer, 'a transport with `receivesInSettle` has settleAndReceive')
    return answer
  }
}

/** A step behind the one before it. */
function after(harness: TransportHarness, ord: number) {
  return task(harness, ord, { sources: ord === 0 ? [] : [ord - 1] })
}

/** A chain of two whose first step is claimed. */
async function pairOf(harness: TransportHarness) {
  const stage = await Stage.of(harness)
  const line = new Line(harness, stage)
  await stage.send([task(harness, 0), after(harness, 1), end(2, [1])])
  return { stage, line, first: only(await line.look()) }
}
