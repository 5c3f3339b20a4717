/** Rates: of calls to others, and of tasks. */
import { describe, expect, it } from 'vitest'
import { UnsupportedError } from '../../../src/core/errors.ts'
import { TaskContext } from '../../../src/dependencies/task-context.ts'
import { memoryTransport } from '../../../src/memory/memory-transport.ts'
import { thrownBy, turns } from '../broker/stage.ts'
import { stage } from './stage.ts'

const limits = { llm: { limit: 2, per: '1s' } } as const

describe('a limit of the broker', () => {
  it('is waited for in a task, in the order of those who ask', async () => {
    const set = stage(undefined, { limits })
    const start = set.clock.now()
    const went: number[] = []
    const task = set.broker.task({ name: 't', deps: { ctx: TaskContext } }, async ({ ctx }) => {
      await ctx.limit('llm').acquire()
      went.push(set.clock.now() - start)
    })
    const made = await set.work()
    const handles = await task.kiqMany([[], [], [], []])
    await set.clock.advance(3000)
    await Promise.all(handles.map((handle) => handle.result()))
    expect(went).toEqual([0, 0, 500, 1000])
    await made.stop()
  })

  it('refuses what takes too long, or can never go; each key has its own', async () => {
    const { broker } = stage(undefined, { limits })
    await broker.limit('llm').acquire(2)
    expect(await thrownBy(broker.limit('llm').acquire(1, { wait: '100ms' }))).toMatchObject({
      code: 'RATE_LIMITED',
      wait: 500,
    })
    expect(await thrownBy(broker.limit('llm').acquire(3))).toMatchObject({ wait: Infinity })
    expect(await broker.limit('llm', 'other').acquire(2, { wait: 0 })).toBe(0)
    expect(await thrownBy(broker.limit('llm').acquire(0.5))).toMatchObject({
      code: 'INVALID_INPUT',
    })
  })

  it('holds off as the other side says: seconds, text, date', async () => {
    const { broker, clock } = stage(undefined, {
      limits: { a: limits.llm, b: limits.llm, c: limits.llm },
    })
    await broker.limit('a').holdOff(3)
    await broker.limit('b').holdOff(' 3 ')
    await broker.limit('c').holdOff(new Date(clock.now() + 3000).toUTCString())
    for (const name of ['a', 'b', 'c'])
      expect(await thrownBy(broker.limit(name).acquire(1, { wait: 0 }))).toMatchObject({
        wait: 3000,
      })
    await broker.limit('c').holdOff(new Date(clock.now() + 4000))
    expect(await thrownBy(broker.limit('c').acquire(1, { wait: 0 }))).toMatchObject({ wait: 4000 })
    expect(await thrownBy(broker.limit('a').holdOff('soon'))).toMatchObject({
      code: 'INVALID_INPUT',
    })
  })

  it('is changed at run time', async () => {
    const { broker } = stage(undefined, { limits })
    await broker.setRate('llm', { kind: 'fixed', limit: 50, per: '1h' })
    expect(await broker.limit('llm').acquire(50)).toBe(0)
    await broker.setRate('llm', null)
    await broker.limit('llm').acquire(2, { wait: 0 })
  })

  it('ends its wait with the run', async () => {
    const set = stage(undefined, { limits })
    const task = set.broker.task({ name: 't', deps: { ctx: TaskContext } }, async ({ ctx }) => {
      await ctx.limit('llm').acquire(2)
      await ctx.limit('llm').acquire(2)
    })
    const made = await set.work()
    const handle = await task.kiq()
    await turns()
    await handle.cancel('enough')
    await expect(handle.result()).rejects.toThrow('enough')
    await made.stop()
  })

  it('must be known, right, and kept by the transport', async () => {
    const { broker } = stage(undefined, { limits })
    expect(() => broker.limit('other')).toThrow("there is no limit 'other'")
    expect(() => stage(undefined, { limits: { x: { limit: 0, per: 1 } } })).toThrow('`limits.x`')
    const factory = memoryTransport()
    const create: typeof factory.create = (around) => ({
      ...factory.create(around),
      rates: undefined,
    })
    const none = stage(undefined, { limits, transport: { ...factory, create } })
    expect(() => none.broker.limit('llm')).toThrow(UnsupportedError)
  })
})

describe('a task with a rate', () => {
  it('starts so many in each time; the others wait in the store and block nothing', async () => {
    const set = stage()
    const start = set.clock.now()
    const went: [string, number][] = []
    const task = set.broker.task(
      { name: 't', rate: { limit: 2, per: '1s', key: (key: string) => key } },
      async (key: string) => void went.push([key, set.clock.now() - start]),
    )
    const made = await set.work({ concurrency: 2, prefetch: 0 })
    const handles = await task.kiqMany(['a', 'a', 'a', 'a', 'b'].map((key) => [key] as [string]))
    await turns()
    expect(went.map(([key]) => key).toSorted()).toEqual(['a', 'a', 'b'])
    await set.clock.advance(2000)
    expect(went.filter(([key]) => key === 'a').map(([, at]) => at)).toEqual([0, 0, 500, 1000])
    const outcome = await handles[3]?.waitResult()
    expect(outcome?.labels).not.toHaveProperty('tw_rate_at')
    await made.stop()
  })

  it('that was due while nobody worked asks again, and so does a retry', async () => {
    const set = stage()
    const start = set.clock.now()
    const went: number[] = []
    const task = set.broker.task(
      { name: 't', rate: { limit: 1, per: '1s' }, retry: { max: 1, backoff: 0 } },
      async (fail: boolean) => {
        went.push(set.clock.now() - start)
        if (fail && went.length === 1) throw new Error('again')
      },
    )
    const first = await set.work()
    await task.kiqMany([[true], [false], [false]])
    await turns()
    expect(went).toEqual([0])
    await first.stop()
    await set.clock.advance(60_000)
    const second = await set.work()
    await set.clock.advance(10_000)
    expect(went).toEqual([0, 60_000, 61_000, 62_000])
    await second.stop()
  })

  it('has a rule that can be kept', () => {
    const { broker } = stage()
    const define = (rate: object) => () =>
      broker.task({ name: 't', rate: rate as never }, async () => {})
    expect(define({ limit: 0, per: 1 })).toThrow('a rate is')
    expect(define({ limit: 1, per: 1, key: 5 })).toThrow('`key` is a function')
  })
})
