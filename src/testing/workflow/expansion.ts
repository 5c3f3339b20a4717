import assert from 'node:assert/strict'
import type { TransportBehaviour } from '../transport/harness.ts'
import { end, gate, join, Stage, task } from './verbs.ts'

const failed = { verdict: 'failed', body: 'error' } as const

/** Other steps in the place of one, and wide fan-outs. */
export const expansionBehaviours: readonly TransportBehaviour[] = [
  {
    name: 'a node that expands ends with what runs in its place',
    needs: 'workflows',
    async run(harness) {
      const stage = await Stage.of(harness)
      await stage.send([task(harness, 0), task(harness, 1, { sources: [0] }), end(2, [1])])
      const [first] = (await stage.claim()).values()
      assert.ok(first)
      const lo = await stage.store.reserve(stage.run, 4)
      assert.equal(lo, 3)
      await stage.store.put(stage.run, [
        task(harness, 3),
        task(harness, 4),
        join(5, [3, 4]),
        end(6, [5]),
      ])
      await stage.pump()
      assert.deepEqual(await stage.released(), [])
      await stage.end(first, { graft: { lo: 3, hi: 6, end: 6, sink: 5 } })
      assert.equal((await stage.states())[0], 'expanded')
      assert.deepEqual(await stage.endAll(), [3, 4])
      const [answer] = await stage.store.check([{ run: stage.run, ord: 1, gen: 0 }])
      assert.deepEqual(answer, { start: true, source: 0, input: ['v3', 'v4'] })
      assert.deepEqual(await stage.endAll(), [1])
      assert.equal(await stage.state(), 'succeeded')
      const nodes = await stage.store.nodes(stage.run, { from: 0, limit: 100 })
      assert.deepEqual(
        nodes.map(({ ord }) => ord),
        [0, 1, 2, 3, 4, 5, 6],
      )
      assert.equal(nodes[3]?.parent, 0)
    },
  },
  {
    name: 'what a lost attempt put is never seen',
    needs: 'workflows',
    async run(harness) {
      const stage = await Stage.of(harness)
      await stage.send([task(harness, 0), end(1, [0])])
      const [first] = (await stage.claim()).values()
      assert.ok(first)
      const lost = await stage.store.reserve(stage.run, 2)
      await stage.store.put(stage.run, [task(harness, lost), end(lost + 1, [lost])])
      const lo = await stage.store.reserve(stage.run, 2)
      await stage.store.put(stage.run, [task(harness, lo), end(lo + 1, [lo])])
      await stage.end(first, { graft: { lo, hi: lo + 1, end: lo + 1, sink: lo } })
      assert.deepEqual(await stage.endAll(), [lo])
      assert.equal(await stage.state(), 'succeeded')
      assert.equal((await stage.states()).length, 4)
    },
  },
  {
    name: 'a failure in its place fails a node under its own policy',
    needs: 'workflows',
    async run(harness) {
      const stage = await Stage.of(harness)
      await stage.send([
        task(harness, 0, { policy: 'allow' }),
        task(harness, 1, { sources: [0] }),
        end(2, [1]),
      ])
      const [first] = (await stage.claim()).values()
      assert.ok(first)
      await stage.store.reserve(stage.run, 2)
      await stage.store.put(stage.run, [task(harness, 3), end(4, [3])])
      await stage.end(first, { graft: { lo: 3, hi: 4, end: 4, sink: 3 } })
      const [inner] = (await stage.claim()).values()
      assert.ok(inner)
      await stage.end(inner, failed)
      const [answer] = await stage.store.check([{ run: stage.run, ord: 1, gen: 0 }])
      assert.deepEqual(answer, { start: true, source: 0, input: null })
    },
  },
  {
    name: 'a resume goes on within an expansion and does not run its handler again',
    needs: 'workflows',
    async run(harness) {
      const stage = await Stage.of(harness)
      await stage.send([task(harness, 0), task(harness, 1, { sources: [0] }), end(2, [1])])
      const [first] = (await stage.claim()).values()
      assert.ok(first)
      await stage.store.reserve(stage.run, 4)
      await stage.store.put(stage.run, [
        task(harness, 3),
        task(harness, 4),
        join(5, [3, 4]),
        end(6, [5]),
      ])
      await stage.end(first, { graft: { lo: 3, hi: 6, end: 6, sink: 5 } })
      const claimed = await stage.claim()
      const [a, b] = [claimed.get(3), claimed.get(4)]
      assert.ok(a && b)
      await stage.end(a)
      await stage.end(b, failed)
      assert.equal(await stage.state(), 'failed')
      assert.deepEqual(await stage.store.value(stage.run, 0), {
        failed: 4,
        gen: 0,
        name: 'task4',
        body: 'error',
      })
      await stage.store.control(stage.run, { kind: 'resume', expected: 0 })
      await stage.pump()
      assert.deepEqual(await stage.endAll(), [4])
      assert.deepEqual(await stage.endAll(), [1])
      assert.equal(await stage.state(), 'succeeded')
      assert.deepEqual(await stage.store.value(stage.run, 0), ['v3', 'v4'])
    },
  },
  {
    name: 'a step that a resume puts back takes all along that ran in its place, and in the place of that',
    needs: 'workflows',
    async run(harness) {
      const stage = await Stage.of(harness)
      await stage.send([
        task(harness, 0),
        gate(1, 0, { gate: 'error' }),
        task(harness, 2, { sources: [1], side: 1 }),
        end(3, [0, 2]),
      ])
      const [first] = (await stage.claim()).values()
      assert.ok(first)
      await stage.end(first, failed)
      for (const lo of [4, 6]) {
        const [expanding] = (await stage.claim()).values()
        assert.ok(expanding)
        await stage.store.reserve(stage.run, 2)
        await stage.store.put(stage.run, [task(harness, lo), end(lo + 1, [lo])])
        await stage.end(expanding, { graft: { lo, hi: lo + 1, end: lo + 1, sink: lo } })
      }
      assert.deepEqual(await stage.endAll(), [6])
      assert.equal((await stage.states()).length, 8)
      await stage.store.control(stage.run, { kind: 'resume', expected: 0 })
      await stage.pump()
      assert.deepEqual(await stage.endAll(), [0])
      assert.equal(await stage.state(), 'succeeded')
      assert.deepEqual(await stage.states(), ['succeeded', 'idle', 'idle', 'succeeded'])
    },
  },
  {
    name: 'a wide fan-out goes on in bounded steps, whoever pumps; its list is read by pages',
    needs: 'workflows',
    async run(harness) {
      const stage = await Stage.of(harness)
      const width = 700
      const heads = Array.from({ length: width }, (_, i) => task(harness, i + 1, { sources: [0] }))
      const sources = heads.map(({ ord }) => ord)
      const body = width + 2
      await stage.send([
        task(harness, 0),
        ...heads,
        join(width + 1, sources),
        task(harness, body, { sources: [width + 1] }),
        end(width + 3, [body]),
      ])
      const [first] = (await stage.claim()).values()
      assert.ok(first)
      await stage.open.transport.settle([stage.settlement(first)])
      assert.ok(stage.left.has(stage.run))
      await stage.pump()
      // The last first: the walk over the sources has to come by all of them at the very end.
      const claimed = [...(await stage.claim()).values()].reverse()
      assert.equal(claimed.length, width)
      for (let i = 0; i < width; i += 100) {
        const part = claimed.slice(i, i + 100).map((delivery) => stage.settlement(delivery))
        await stage.open.transport.settle(part)
      }
      await stage.pump()
      const [answer] = await stage.store.check([{ run: stage.run, ord: body, gen: 0 }])
      const list = { list: width + 1, size: width }
      assert.deepEqual(answer, { start: true, source: width + 1, input: list })
      const page = { ord: width + 1, from: 690, limit: 100 }
      assert.deepEqual(
        await stage.store.values(stage.run, page),
        sources.slice(690).map((ord) => `v${ord}`),
      )
      assert.deepEqual(await stage.endAll(), [body])
      assert.equal(await stage.state(), 'succeeded')
    },
  },
]
