import assert from 'node:assert/strict'
import type { TransportBehaviour } from '../transport/harness.ts'
import { look } from '../transport/verbs.ts'
import { end, headOf, join, Stage, task } from './verbs.ts'

/** Order and barriers: what runs, when, with what. */
export const orderBehaviours: readonly TransportBehaviour[] = [
  {
    name: 'nothing runs before the graph is sealed',
    needs: 'workflows',
    async run(harness) {
      const stage = await Stage.of(harness)
      const nodes = [task(harness, 0), end(1, [0])]
      await stage.store.put(stage.run, nodes)
      assert.deepEqual(await stage.released(), [])
      assert.equal(await stage.state(), 'building')
      assert.equal(await stage.store.seal(stage.run, headOf(nodes)), 'sealed')
      await stage.pump()
      assert.deepEqual(await stage.released(), [0])
    },
  },
  {
    name: 'a page that is put twice, and a second seal, change nothing',
    needs: 'workflows',
    async run(harness) {
      const stage = await Stage.of(harness)
      const nodes = [task(harness, 0), end(1, [0])]
      await stage.store.put(stage.run, nodes)
      await stage.send(nodes)
      assert.equal(await stage.store.seal(stage.run, headOf(nodes)), 'known')
      await stage.pump()
      assert.deepEqual(await stage.endAll(), [0])
      assert.deepEqual(await stage.endAll(), [])
      assert.equal(await stage.state(), 'succeeded')
    },
  },
  {
    name: 'the last page may come with the seal, also again, and then changes nothing',
    needs: 'workflows',
    async run(harness) {
      const stage = await Stage.of(harness)
      const nodes = [task(harness, 0), task(harness, 1, { sources: [0] }), end(2, [1])]
      const last = nodes.slice(1)
      await stage.store.put(stage.run, nodes.slice(0, 1))
      assert.equal(await stage.store.seal(stage.run, headOf(nodes), last), 'sealed')
      assert.equal(await stage.store.seal(stage.run, headOf(nodes), last), 'known')
      await stage.pump()
      assert.deepEqual(await stage.endAll(), [0])
      assert.deepEqual(await stage.endAll(), [1])
      assert.deepEqual(await stage.endAll(), [])
      assert.equal(await stage.state(), 'succeeded')
    },
  },
  {
    name: 'a step passes the gates of its message',
    needs: 'gates',
    async run(harness) {
      const stage = await Stage.of(harness)
      const gates = [{ key: 'one', limit: 1 }]
      const message = { queue: harness.queue, priority: 7, body: 'm', gates }
      const steps = [0, 1].map((ord) => task(harness, ord, { message }))
      await stage.send([...steps, join(2, [0, 1]), end(3, [2])])
      const [[first, delivery] = []] = [...(await stage.claim())]
      assert.ok(delivery)
      assert.equal(delivery.priority, 7)
      assert.deepEqual(await stage.released(), [])
      await stage.end(delivery)
      assert.deepEqual(await stage.endAll(), [first === 0 ? 1 : 0])
      assert.equal(await stage.state(), 'succeeded')
    },
  },
  {
    name: 'pages may come in any order',
    needs: 'workflows',
    async run(harness) {
      const stage = await Stage.of(harness)
      const nodes = [task(harness, 0), task(harness, 1, { sources: [0] }), end(2, [1])]
      await stage.store.put(stage.run, nodes.slice(1))
      await stage.store.put(stage.run, nodes.slice(0, 1))
      await stage.send(nodes)
      assert.deepEqual(await stage.endAll(), [0])
      assert.deepEqual(await stage.endAll(), [1])
      assert.equal(await stage.state(), 'succeeded')
    },
  },
  {
    name: 'the sources of a join may come in pieces, each once however often it is put',
    needs: 'workflows',
    async run(harness) {
      const stage = await Stage.of(harness)
      const heads = [0, 1, 2, 3, 4].map((ord) => task(harness, ord))
      const nodes = [...heads, { ...join(5, [0, 1]), width: 5 }, end(6, [5])]
      const pieces = [
        { ord: 5, from: 2, sources: [2, 3] },
        { ord: 5, from: 4, sources: [4] },
      ]
      await stage.store.put(stage.run, nodes)
      for (const piece of pieces) await stage.store.put(stage.run, [piece, piece])
      await stage.store.put(stage.run, pieces)
      await stage.send(nodes)
      const claimed = await stage.claim()
      for (const ord of [4, 3, 1, 0, 2]) {
        assert.equal(await stage.state(), 'running')
        const delivery = claimed.get(ord) ?? assert.fail(`${ord} was not released`)
        await stage.end(delivery)
      }
      assert.equal(await stage.state(), 'succeeded')
      assert.deepEqual(await stage.store.value(stage.run, 5), ['v0', 'v1', 'v2', 'v3', 'v4'])
    },
  },
  {
    name: 'a chain runs in order, each step with the result of the one before it',
    needs: 'workflows',
    async run(harness) {
      const stage = await Stage.of(harness)
      await stage.send([
        task(harness, 0),
        task(harness, 1, { sources: [0] }),
        task(harness, 2, { sources: [1], takes: false }),
        end(3, [2]),
      ])
      const [first] = (await stage.claim()).values()
      assert.ok(first)
      assert.deepEqual([first.id, first.body], [stage.id(0), 'm0'])
      const places = [0, 1, 2].map((ord) => ({ run: stage.run, ord, gen: 0 }))
      const [a, b] = await stage.store.check(places)
      assert.deepEqual(a, { start: true, source: null })
      assert.equal(b?.start, false)
      await stage.end(first, { body: 'one' })
      const [, second] = await stage.store.check(places)
      assert.deepEqual(second, { start: true, source: 0, input: 'one' })
      assert.deepEqual(await stage.endAll(), [1])
      const [, , third] = await stage.store.check(places)
      assert.deepEqual(third, { start: true, source: 1 })
      assert.deepEqual(await stage.endAll(), [2])
      assert.equal(await stage.store.value(stage.run, 2), 'v2')
      assert.deepEqual(await stage.open.results.get([stage.id(3)]), ['S'])
    },
  },
  {
    name: 'a join waits for all of its sources and keeps their order',
    needs: 'workflows',
    async run(harness) {
      const stage = await Stage.of(harness)
      const heads = [0, 1, 2, 3, 4].map((ord) => task(harness, ord))
      await stage.send([
        ...heads,
        join(5, [0, 1, 2, 3, 4]),
        task(harness, 6, { sources: [5] }),
        end(7, [6]),
      ])
      const claimed = await stage.claim()
      for (const ord of [4, 2, 0, 3]) {
        const delivery = claimed.get(ord)
        assert.ok(delivery)
        await stage.end(delivery)
        assert.deepEqual(await stage.released(), [])
      }
      const last = claimed.get(1)
      assert.ok(last)
      await stage.end(last)
      const [answer] = await stage.store.check([{ run: stage.run, ord: 6, gen: 0 }])
      assert.deepEqual(answer, { start: true, source: 5, input: ['v0', 'v1', 'v2', 'v3', 'v4'] })
      assert.deepEqual(await stage.endAll(), [6])
      assert.equal(await stage.state(), 'succeeded')
    },
  },
  {
    name: 'all sources of a join may end in one batch: the body is sent once',
    needs: 'workflows',
    async run(harness) {
      const stage = await Stage.of(harness)
      const heads = Array.from({ length: 20 }, (_, ord) => task(harness, ord))
      const sources = heads.map(({ ord }) => ord)
      await stage.send([
        ...heads,
        join(20, sources),
        task(harness, 21, { sources: [20] }),
        end(22, [21]),
      ])
      const claimed = [...(await stage.claim()).values()]
      const batch = claimed.map((delivery) => stage.settlement(delivery))
      const statuses = await stage.open.transport.settle([...batch, ...batch])
      assert.deepEqual(statuses.slice(0, 20), Array(20).fill('settled'))
      assert.deepEqual(statuses.slice(20), Array(20).fill('gone'))
      await stage.pump()
      assert.deepEqual(await stage.endAll(), [21])
      assert.deepEqual(await stage.endAll(), [])
      assert.equal(await stage.state(), 'succeeded')
    },
  },
  {
    name: 'joins within joins keep their lists; an empty one is the empty list',
    needs: 'workflows',
    async run(harness) {
      const stage = await Stage.of(harness)
      await stage.send([
        task(harness, 0),
        task(harness, 1),
        join(2, [0, 1]),
        join(3, [], { empty: true }),
        task(harness, 4),
        join(5, [2, 3, 4]),
        task(harness, 6, { sources: [5] }),
        end(7, [6]),
      ])
      assert.deepEqual(await stage.endAll(), [0, 1, 4])
      const [answer] = await stage.store.check([{ run: stage.run, ord: 6, gen: 0 }])
      assert.deepEqual(answer, { start: true, source: 5, input: [['v0', 'v1'], [], 'v4'] })
    },
  },
  {
    name: 'an empty join waits for the node before it',
    needs: 'workflows',
    async run(harness) {
      const stage = await Stage.of(harness)
      await stage.send([
        task(harness, 0),
        join(1, [0], { empty: true }),
        task(harness, 2, { sources: [1] }),
        end(3, [2]),
      ])
      assert.deepEqual(await stage.endAll(), [0])
      const [answer] = await stage.store.check([{ run: stage.run, ord: 2, gen: 0 }])
      assert.deepEqual(answer, { start: true, source: 1, input: [] })
    },
  },
  {
    name: 'a retry tells nobody',
    needs: 'workflows',
    async run(harness) {
      const stage = await Stage.of(harness)
      await stage.send([task(harness, 0), task(harness, 1, { sources: [0] }), end(2, [1])])
      const [first] = (await stage.claim()).values()
      assert.ok(first)
      const outcome = { kind: 'retry', delay: 0, body: 'again' } as const
      await stage.open.transport.settle([{ claim: first, outcome }])
      await stage.pump()
      const [again] = await look(harness, stage.open.transport)
      assert.deepEqual([again?.id, again?.body], [first.id, 'again'])
      assert.deepEqual(await stage.states(), ['released', 'waiting', 'waiting'])
    },
  },
  {
    name: 'messages go to their own queues, with their own priorities and delays',
    needs: 'workflows',
    async run(harness) {
      const stage = await Stage.of(harness)
      const other = `${harness.queue}-other`
      const message = { queue: other, priority: 7, body: 'later', delay: 50 }
      await stage.send([task(harness, 0), task(harness, 1, { sources: [0], message }), end(2, [1])])
      await stage.endAll()
      assert.deepEqual(await look(harness, stage.open.transport, { queues: [other] }), [])
      await harness.advance(70)
      const [found] = await look(harness, stage.open.transport, { queues: [other] })
      assert.deepEqual([found?.body, found?.priority], ['later', 7])
    },
  },
]
