import assert from 'node:assert/strict'
import type { TransportBehaviour } from '../transport/harness.ts'
import { end, gate, join, Stage, task } from './verbs.ts'

const failed = { verdict: 'failed', body: 'error' } as const

/** Cancelling, resuming, and what is told of runs. */
export const controlBehaviours: readonly TransportBehaviour[] = [
  {
    name: 'after a cancel nothing starts, running steps are told, and their results are refused',
    needs: 'workflows',
    async run(harness) {
      const stage = await Stage.of(harness)
      await stage.send([task(harness, 0), task(harness, 1), join(2, [0, 1]), end(3, [2])])
      const claimed = await stage.claim()
      const running = claimed.get(0)
      const waiting = claimed.get(1)
      assert.ok(running && waiting)
      await stage.open.transport.release([waiting])
      const cancel = { kind: 'cancel', reason: 'enough' } as const
      assert.equal(await stage.store.control(stage.run, cancel), 'ok')
      await stage.pump()
      assert.equal(await stage.store.control(stage.run, cancel), 'final')
      const [answer] = await stage.store.check([{ run: stage.run, ord: 1, gen: 0 }])
      assert.equal(answer?.start, false)
      const { cancelled } = await stage.open.transport.extend([running], harness.lease)
      assert.equal(cancelled[0]?.reason, 'enough')
      assert.equal(await stage.end(running), 'cancelled')
      assert.deepEqual(await stage.open.results.get([running.id]), [null])
      const outcome = { kind: 'cancelled', reason: 'enough' } as const
      const settled = [{ ...stage.settlement(running, failed), outcome }]
      assert.deepEqual(await stage.open.transport.settle(settled), ['settled'])
      assert.equal(await stage.state(), 'cancelled')
      assert.equal((await stage.store.read(stage.run))?.reason, 'enough')
      assert.deepEqual(await stage.open.results.get([stage.id(3)]), ['C'])
    },
  },
  {
    name: 'a run that is cancelled before it is sent never starts',
    needs: 'workflows',
    async run(harness) {
      const stage = await Stage.of(harness)
      const cancel = { kind: 'cancel', reason: 'enough' } as const
      assert.equal(await stage.store.control(stage.run, cancel), 'unknown')
      await stage.store.put(stage.run, [])
      assert.equal(await stage.store.control(stage.run, cancel), 'ok')
      await stage.store.sweep(100)
      await stage.send([task(harness, 0), end(1, [0])])
      assert.equal(await stage.state(), 'cancelled')
      assert.deepEqual(await stage.released(), [])
    },
  },
  {
    name: 'a resume runs what failed and what waited for it, as a new generation',
    needs: 'workflows',
    async run(harness) {
      const stage = await Stage.of(harness)
      await stage.send([
        task(harness, 0),
        task(harness, 1),
        task(harness, 2, { policy: 'allow' }),
        join(3, [0, 1, 2]),
        task(harness, 4, { sources: [3] }),
        end(5, [4]),
      ])
      const claimed = await stage.claim()
      const [a, b, c] = [claimed.get(0), claimed.get(1), claimed.get(2)]
      assert.ok(a && b && c)
      await stage.end(a)
      await stage.end(b, failed)
      await stage.end(c, failed)
      assert.equal(await stage.state(), 'failed')
      const resume = { kind: 'resume', expected: 0 } as const
      assert.equal(await stage.store.control(stage.run, resume), 'ok')
      assert.equal(await stage.store.control(stage.run, resume), 'conflict')
      await stage.pump()
      assert.equal(await stage.store.control(stage.run, { kind: 'resume', expected: 1 }), 'final')
      const again = await stage.claim()
      assert.deepEqual([...again.keys()], [1])
      const delivery = again.get(1)
      assert.ok(delivery)
      assert.equal(delivery.id, stage.id(1, 1))
      await stage.end(delivery, { body: 'second' })
      const [answer] = await stage.store.check([{ run: stage.run, ord: 4, gen: 1 }])
      assert.deepEqual(answer, { start: true, source: 3, input: ['v0', 'second', null] })
      assert.deepEqual(await stage.endAll(), [4])
      assert.equal(await stage.state(), 'succeeded')
      assert.deepEqual(await stage.open.results.get([stage.id(5, 1)]), ['S'])
      assert.equal(await stage.store.control(stage.run, { kind: 'resume', expected: 1 }), 'final')
    },
  },
  {
    name: 'a resume begins also where putting all back is just as much as one step may do',
    needs: 'workflows',
    async run(harness) {
      const stage = await Stage.of(harness)
      const width = 248
      const tasks = Array.from({ length: width }, (_, ord) => task(harness, ord))
      const ords = tasks.map(({ ord }) => ord)
      await stage.send([...tasks, join(width, ords), end(width + 1, [width])])
      await stage.store.control(stage.run, { kind: 'cancel', reason: 'enough' })
      await stage.pump()
      assert.equal(await stage.store.control(stage.run, { kind: 'resume', expected: 0 }), 'ok')
      await stage.pump()
      assert.equal(await stage.state(), 'running')
      const [answer] = await stage.store.check([{ run: stage.run, ord: width - 1, gen: 1 }])
      assert.equal(answer?.start, true)
    },
  },
  {
    name: 'what an old generation still brings is refused',
    needs: 'workflows',
    async run(harness) {
      const stage = await Stage.of(harness)
      await stage.send([task(harness, 0), end(1, [0])])
      const [old] = (await stage.claim()).values()
      assert.ok(old)
      await stage.store.control(stage.run, { kind: 'cancel', reason: 'enough' })
      await stage.pump()
      assert.equal(await stage.store.control(stage.run, { kind: 'resume', expected: 0 }), 'ok')
      await stage.pump()
      assert.equal(await stage.end(old), 'cancelled')
      const [answer] = await stage.store.check([{ run: stage.run, ord: 0, gen: 0 }])
      assert.equal(answer?.start, false)
      const [fresh] = (await stage.claim()).values()
      assert.ok(fresh)
      assert.equal(await stage.end(fresh), 'settled')
      assert.equal(await stage.state(), 'succeeded')
    },
  },
  {
    name: 'a side step is kept with the node that it watched, and runs again with it',
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
      assert.deepEqual(await stage.endAll(), [2])
      await stage.store.control(stage.run, { kind: 'resume', expected: 0 })
      await stage.pump()
      const [again] = (await stage.claim()).values()
      assert.ok(again)
      await stage.end(again, failed)
      assert.deepEqual(await stage.endAll(), [2])
      assert.equal(await stage.state(), 'failed')
    },
  },
  {
    name: 'a run over its deadline is cancelled by a sweep; an expired one is deleted',
    needs: 'workflows',
    async run(harness) {
      const stage = await Stage.of(harness)
      const deadline = harness.now() + 50
      const keep = { succeeded: 100, failed: 100 }
      await stage.send([task(harness, 0), end(1, [0])], { deadline, keep })
      if (harness.exactTime) {
        await stage.store.sweep(10)
        assert.equal(await stage.state(), 'running')
      }
      await harness.advance(70)
      for (const run of await stage.store.sweep(10)) await stage.store.pump(run)
      assert.equal(await stage.state(), 'cancelled')
      await harness.advance(120)
      for (let i = 0; i < 5; i++) await stage.store.sweep(10)
      assert.equal(await stage.store.read(stage.run), null)
      assert.deepEqual(await stage.store.nodes(stage.run, { from: 0, limit: 10 }), [])
      const [answer] = await stage.store.check([{ run: stage.run, ord: 0, gen: 0 }])
      assert.equal(answer?.start, false)
    },
  },
  {
    name: 'a sweep names runs with something left to do',
    needs: 'workflows',
    async run(harness) {
      const stage = await Stage.of(harness)
      const heads = Array.from({ length: 600 }, (_, ord) => task(harness, ord))
      const nodes = [
        ...heads,
        join(
          600,
          heads.map(({ ord }) => ord),
        ),
        end(601, [600]),
      ]
      await stage.store.put(stage.run, nodes)
      await stage.store.seal(stage.run, {
        name: 'wide',
        count: 602,
        sink: 600,
        end: 601,
        failFast: [],
        results: { succeeded: 'S', failed: 'F', cancelled: 'C', skipped: 'K' },
        resultTtl: 60_000,
        keep: { succeeded: 60_000, failed: 60_000 },
      })
      assert.ok(stage.left.has(stage.run))
      assert.deepEqual(await stage.store.sweep(10), [stage.run])
      await stage.pump()
      assert.deepEqual(await stage.store.sweep(10), [])
    },
  },
  {
    name: 'runs are listed newest first, by pages and by state',
    needs: 'workflows',
    async run(harness) {
      const first = await Stage.of(harness)
      const runs: string[] = []
      for (let i = 0; i < 3; i++) {
        const stage = i === 0 ? first : await Stage.of(harness)
        await harness.advance(5)
        await stage.send([task(harness, 0), end(1, [0])], { name: `run${i}` })
        runs.unshift(stage.run)
      }
      const names = (list: readonly { name: string }[]): string[] => list.map(({ name }) => name)
      const all = await first.store.list({ limit: 10 })
      assert.deepEqual(names(all), ['run2', 'run1', 'run0'])
      assert.deepEqual(names(await first.store.list({ limit: 1, after: runs[0] })), ['run1'])
      await first.store.control(runs[1] ?? '', { kind: 'cancel', reason: 'enough' })
      assert.deepEqual(names(await first.store.list({ limit: 10, state: 'cancelled' })), ['run1'])
      assert.deepEqual(names(await first.store.list({ limit: 10, state: 'running' })), [
        'run2',
        'run0',
      ])
    },
  },
  {
    name: 'what is not there is not there',
    needs: 'workflows',
    async run(harness) {
      const { store, run } = await Stage.of(harness)
      assert.equal(await store.read(run), null)
      assert.deepEqual(await store.nodes(run, { from: 0, limit: 10 }), [])
      assert.equal(await store.value(run, 0), null)
      assert.deepEqual(await store.values(run, { ord: 0, from: 0, limit: 10 }), [])
      assert.equal(await store.control(run, { kind: 'cancel', reason: 'no' }), 'unknown')
      assert.equal(await store.control(run, { kind: 'resume', expected: 0 }), 'unknown')
      assert.deepEqual(await store.pump(run), { more: false })
      await assert.rejects(store.reserve(run, 1))
    },
  },
]
