import assert from 'node:assert/strict'
import type { TransportBehaviour } from '../transport/harness.ts'
import { end, gate, join, Stage, task } from './verbs.ts'

const failed = { verdict: 'failed', body: 'error' } as const

/** What a failure means to others. */
export const failureBehaviours: readonly TransportBehaviour[] = [
  {
    name: 'those behind a failure are skipped with its cause; their results say so; others go on',
    needs: 'workflows',
    async run(harness) {
      const stage = await Stage.of(harness)
      await stage.send([
        task(harness, 0),
        task(harness, 1, { sources: [0] }),
        task(harness, 2),
        task(harness, 3, { sources: [2] }),
        join(4, [1, 3]),
        end(5, [4]),
      ])
      const claimed = await stage.claim()
      const [bad, good] = [claimed.get(0), claimed.get(2)]
      assert.ok(bad && good)
      await stage.end(bad, failed)
      await stage.end(good)
      assert.deepEqual(await stage.states(), [
        'failed',
        'skipped',
        'succeeded',
        'released',
        'waiting',
        'waiting',
      ])
      assert.deepEqual(await stage.open.results.get([stage.id(1)]), ['K'])
      assert.equal(await stage.state(), 'running')
      assert.deepEqual(await stage.endAll(), [3])
      assert.equal(await stage.state(), 'failed')
      assert.equal((await stage.store.read(stage.run))?.cause, 0)
      assert.deepEqual(await stage.open.results.get([stage.id(5)]), ['F'])
      assert.deepEqual(await stage.store.value(stage.run, 4), {
        failed: 0,
        gen: 0,
        name: 'task0',
        body: 'error',
      })
    },
  },
  {
    name: 'an allowed failure is null, and one that continues is data',
    needs: 'workflows',
    async run(harness) {
      const stage = await Stage.of(harness)
      await stage.send([
        task(harness, 0, { policy: 'allow' }),
        task(harness, 1, { policy: 'continue' }),
        join(2, [0, 1]),
        task(harness, 3, { sources: [2] }),
        end(4, [3]),
      ])
      for (const delivery of (await stage.claim()).values()) await stage.end(delivery, failed)
      const [answer] = await stage.store.check([{ run: stage.run, ord: 3, gen: 0 }])
      const failure = { failed: 1, gen: 0, name: 'task1', body: 'error' }
      assert.deepEqual(answer, { start: true, source: 2, input: [null, failure] })
      assert.deepEqual(await stage.endAll(), [3])
      assert.equal(await stage.state(), 'succeeded')
    },
  },
  {
    name: 'side steps watch their own node, and the run waits for them',
    needs: 'workflows',
    async run(harness) {
      const stage = await Stage.of(harness)
      await stage.send([
        task(harness, 0, { policy: 'allow' }),
        gate(1, 0, { gate: 'error' }),
        task(harness, 2, { sources: [1], side: 1 }),
        gate(3, 0, { gate: 'success' }),
        task(harness, 4, { sources: [3], side: 3 }),
        task(harness, 5, { sources: [4], side: 3 }),
        end(6, [0, 2, 5]),
      ])
      const [first] = (await stage.claim()).values()
      assert.ok(first)
      await stage.end(first, failed)
      assert.deepEqual(await stage.states(), [
        'failed',
        'succeeded',
        'released',
        'idle',
        'idle',
        'idle',
        'waiting',
      ])
      const [answer] = await stage.store.check([{ run: stage.run, ord: 2, gen: 0 }])
      const failure = { failed: 0, gen: 0, name: 'task0', body: 'error' }
      assert.deepEqual(answer, { start: true, source: 1, input: failure })
      assert.deepEqual(await stage.endAll(), [2])
      assert.equal(await stage.state(), 'succeeded')
    },
  },
  {
    name: 'a step beside a success gets its value; when it fails the run has failed',
    needs: 'workflows',
    async run(harness) {
      const stage = await Stage.of(harness)
      await stage.send([
        task(harness, 0),
        gate(1, 0, { gate: 'success' }),
        task(harness, 2, { sources: [1], side: 1 }),
        end(3, [0, 2]),
      ])
      assert.deepEqual(await stage.endAll(), [0])
      const [answer] = await stage.store.check([{ run: stage.run, ord: 2, gen: 0 }])
      assert.deepEqual(answer, { start: true, source: 1, input: 'v0' })
      const [side] = (await stage.claim()).values()
      assert.ok(side)
      await stage.end(side, failed)
      assert.equal(await stage.state(), 'failed')
      assert.equal((await stage.store.read(stage.run))?.cause, 2)
    },
  },
  {
    name: 'a failure gate opens for causes within its canvas only, after all of its branches',
    needs: 'workflows',
    async run(harness) {
      const stage = await Stage.of(harness)
      await stage.send([
        task(harness, 0),
        task(harness, 1, { sources: [0] }),
        task(harness, 2, { sources: [0] }),
        join(3, [1, 2]),
        gate(4, 3, { gate: 'failure', lo: 1, hi: 3 }),
        task(harness, 5, { sources: [4], side: 4 }),
        gate(6, 3, { gate: 'failure', lo: 0, hi: 0 }),
        task(harness, 7, { sources: [6], side: 6 }),
        end(8, [3, 5, 7]),
      ])
      await stage.endAll()
      const claimed = await stage.claim()
      const [a, b] = [claimed.get(1), claimed.get(2)]
      assert.ok(a && b)
      await stage.end(a, failed)
      assert.deepEqual(await stage.released(), [])
      await stage.end(b)
      assert.deepEqual(await stage.endAll(), [5])
      assert.equal((await stage.states())[7], 'idle')
      assert.equal(await stage.state(), 'failed')
    },
  },
  {
    name: 'a canvas that may fail hands on null, or the failure',
    needs: 'workflows',
    async run(harness) {
      const stage = await Stage.of(harness)
      await stage.send([
        task(harness, 0),
        task(harness, 1, { sources: [0] }),
        gate(2, 1, { gate: 'allow', lo: 0, hi: 1 }),
        gate(3, 1, { gate: 'continue', lo: 0, hi: 1 }),
        join(4, [2, 3]),
        task(harness, 5, { sources: [4] }),
        end(6, [5]),
      ])
      const [first] = (await stage.claim()).values()
      assert.ok(first)
      await stage.end(first, failed)
      const [answer] = await stage.store.check([{ run: stage.run, ord: 5, gen: 0 }])
      const failure = { failed: 0, gen: 0, name: 'task0', body: 'error' }
      assert.deepEqual(answer, { start: true, source: 4, input: [null, failure] })
    },
  },
  {
    name: 'a canvas that may fail does not hide what failed before it',
    needs: 'workflows',
    async run(harness) {
      const stage = await Stage.of(harness)
      await stage.send([
        task(harness, 0),
        task(harness, 1, { sources: [0] }),
        gate(2, 1, { gate: 'allow', lo: 1, hi: 1 }),
        task(harness, 3, { sources: [2] }),
        end(4, [3]),
      ])
      const [first] = (await stage.claim()).values()
      assert.ok(first)
      await stage.end(first, failed)
      assert.deepEqual(await stage.states(), ['failed', 'skipped', 'skipped', 'skipped', 'failed'])
      assert.equal((await stage.store.read(stage.run))?.cause, 0)
    },
  },
  {
    name: 'fail fast: the first failure stops what waits and what runs',
    needs: 'workflows',
    async run(harness) {
      const stage = await Stage.of(harness)
      const nodes = [
        task(harness, 0),
        task(harness, 1),
        task(harness, 2, { sources: [1] }),
        join(3, [0, 2]),
        gate(4, 3, { gate: 'failure', lo: 0, hi: 3 }),
        task(harness, 5, { sources: [4], side: 4 }),
        end(6, [3, 5]),
      ]
      await stage.send(nodes, { failFast: [{ lo: 0, hi: 3 }] })
      const claimed = await stage.claim()
      const [bad, other] = [claimed.get(0), claimed.get(1)]
      assert.ok(bad && other)
      await stage.end(bad, failed)
      assert.deepEqual((await stage.states()).slice(0, 3), ['failed', 'skipped', 'skipped'])
      const { cancelled } = await stage.open.transport.extend([other], harness.lease)
      assert.equal(cancelled.length, 1)
      assert.equal(await stage.end(other), 'cancelled')
      assert.deepEqual(await stage.endAll(), [5])
      assert.equal(await stage.state(), 'failed')
    },
  },
]
