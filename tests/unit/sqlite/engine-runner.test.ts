import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../../src/core/random.ts'
import { runBatch } from '../../../src/sqlite/engine-runner.ts'
import type { Failure } from '../../../src/sqlite/failure.ts'
import type { News, Operation, Reply } from '../../../src/sqlite/operations.ts'
import { ManualClock } from '../../../src/testing/index.ts'

const quiet: News = { work: false, results: false, cancels: false, locks: false, unfinished: [] }
const busy: Failure = { kind: 'busy', message: 'locked', transient: true }
const get = (id: string): Operation => ({ kind: 'get', ask: [id] })
const send = (count: number, size: number): Operation => ({
  kind: 'send',
  ask: Array.from({ length: count }, (_, i) => ({
    id: `${i}`,
    queue: 'default',
    priority: 4,
    body: 'x'.repeat(size),
  })),
})

/** An engine whose first `locked` transactions find the lock taken. */
function engine(locked: number) {
  const calls: (readonly Operation[])[] = []
  return {
    calls,
    transact(operations: readonly Operation[]) {
      calls.push(operations)
      const taken = calls.length <= locked
      const replies = operations.map(({ ask }): Reply =>
        taken ? { done: false, failure: busy } : { done: true, answer: ask },
      )
      return { replies, news: { ...quiet, work: !taken } }
    },
  }
}

describe('runBatch', () => {
  it('asks again while the lock is taken, and only for what is open', async () => {
    const clock = new ManualClock()
    const asked = engine(3)
    const options = { clock, random: seededRandom(1), patience: 30_000 }
    const running = runBatch(asked, { operations: [get('a'), get('b')], now: 0 }, options)
    await clock.advance(100)
    const { replies, news } = await running
    expect(replies).toEqual([
      { done: true, answer: ['a'] },
      { done: true, answer: ['b'] },
    ])
    expect(news.work).toBe(true)
    expect(asked.calls).toHaveLength(4)
  })

  it('gives up at the end of its patience', async () => {
    const clock = new ManualClock()
    const options = { clock, random: seededRandom(1), patience: 30_000 }
    const running = runBatch(engine(Infinity), { operations: [get('a')], now: 0 }, options)
    await clock.advance(31_000)
    expect((await running).replies).toEqual([{ done: false, failure: busy }])
  })

  it('cuts a batch by outcomes and by bytes, and never cuts one operation', async () => {
    const asked = engine(0)
    const options = { clock: new ManualClock(), random: seededRandom(1), patience: 1 }
    const operations = [
      send(200, 1),
      send(200, 1),
      send(1000, 1),
      send(1, 900_000),
      send(1, 900_000),
    ]
    await runBatch(asked, { operations, now: 0 }, options)
    expect(asked.calls.map((each) => each.length)).toEqual([1, 1, 1, 1, 1])
    const small = engine(0)
    const many = Array.from({ length: 300 }, () => send(1, 1))
    await runBatch(small, { operations: many, now: 0 }, options)
    expect(small.calls.map((each) => each.length)).toEqual([256, 44])
  })
})
