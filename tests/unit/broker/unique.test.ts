/** One message at a time, debounce and throttle, as a caller sees them. */
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { UniqueOptions } from '../../../src/broker/unique-options.ts'
import { TaskContext } from '../../../src/dependencies/task-context.ts'
import { deferred, thrownBy, turns } from './stage.ts'
import { stage } from '../worker/stage.ts'

const byId = (id: string): string => id

describe('a unique task', () => {
  it('is sent once while it waits or runs: the second caller gets the first handle', async () => {
    const set = stage()
    const gate = deferred()
    const task = set.broker.task({ name: 't', unique: {} }, async (id: string, n: number) => {
      await gate.promise
      return `${id}${n}`
    })
    const first = await task.kiq('a', 1)
    expect([first.isDuplicate, first.conflict]).toEqual([false, undefined])
    const made = await set.work()
    const [second, other] = await task.kiqMany([
      ['a', 1],
      ['a', 2],
    ])
    expect([second?.taskId, second?.isDuplicate]).toEqual([first.taskId, true])
    expect(second?.conflict).toEqual({ kind: 'existing', id: first.taskId })
    expect(other?.isDuplicate).toBe(false)
    expect((await task.pending('a', 1))?.taskId).toBe(first.taskId)
    expect(await task.pending('b', 1)).toBeNull()
    gate.resolve()
    expect(await second?.result()).toBe('a1')
    expect(await task.pending('a', 1)).toBeNull()
    expect((await task.kiq('a', 1)).taskId).not.toBe(first.taskId)
    await made.stop()
  })

  it('drops, refuses or replaces where it is told to', async () => {
    const { broker, work, clock } = stage()
    const make = (name: string, onConflict: UniqueOptions['onConflict']) =>
      broker.task({ name, unique: { key: byId, onConflict } }, async (id: string, n: number) =>
        [id, n].join(''),
      )
    const [drop, error, replace] = [make('d', 'drop'), make('e', 'error'), make('r', 'replace')]
    const first = await drop.kiq('a', 1)
    const dropped = await drop.kiq('a', 2)
    expect(dropped.conflict).toEqual({ kind: 'dropped', id: first.taskId })
    expect(await dropped.status()).toBeNull()
    expect(await thrownBy(dropped.result())).toMatchObject({
      code: 'CONFLICT',
      existingId: first.taskId,
    })
    const kept = await error.kiq('a', 1)
    expect(await thrownBy(error.kiq('a', 2))).toMatchObject({ existingId: kept.taskId })
    expect(
      await thrownBy(
        error.kiqMany([
          ['b', 1],
          ['a', 2],
        ]),
      ),
    ).toMatchObject({ code: 'CONFLICT' })
    const old = await replace.kicker().withDelay('1h').kiq('a', 1)
    const fresh = await replace.kiq('a', 2)
    expect(fresh.conflict).toEqual({ kind: 'replaced', id: old.taskId })
    const made = await work()
    await clock.advance(10)
    expect(await fresh.result()).toBe('a2')
    await expect(old.result()).rejects.toThrow(`replaced by ${fresh.taskId}`)
    await made.stop()
  })

  it('aborts the one that runs when it is replaced', async () => {
    const { broker, work } = stage()
    const reasons: unknown[] = []
    const task = broker.task(
      { name: 't', deps: { ctx: TaskContext }, unique: { onConflict: 'replace' } },
      async ({ ctx }) => {
        if (reasons.length > 0) return
        await new Promise((resolve) => ctx.signal.addEventListener('abort', resolve))
        reasons.push((ctx.signal.reason as Error).message)
      },
    )
    const made = await work()
    const first = await task.kiq()
    await turns()
    const second = await task.kiq()
    await second.result()
    expect(reasons).toEqual([expect.stringContaining(`replaced by ${second.taskId}`)])
    expect((await first.waitResult()).status).toBe('cancelled')
    await made.stop()
  })

  it('has a key of its input, whatever the order of its members, and a short one of long arguments', async () => {
    const { broker } = stage()
    const task = broker.task(
      { name: 't', input: z.object({ a: z.string(), b: z.bigint().optional() }), unique: {} },
      async () => {},
    )
    const first = await task.kiq({ a: 'x'.repeat(500), b: 5n })
    expect((await task.kiq({ b: 5n, a: 'x'.repeat(500) })).taskId).toBe(first.taskId)
    expect((await task.kiq({ a: 'x'.repeat(500) })).isDuplicate).toBe(false)
  })

  it('is free again when its window has passed', async () => {
    const { broker, clock } = stage()
    const task = broker.task(
      { name: 't', unique: { while: 'window', window: '1m' } },
      async () => {},
    )
    await task.kiq()
    await clock.advance(59_000)
    expect((await task.kiq()).isDuplicate).toBe(true)
    await clock.advance(2000)
    expect((await task.kiq()).isDuplicate).toBe(false)
  })

  it.each<[object, RegExp]>([
    [{ unique: {}, throttle: { every: 5 } }, /give one of/],
    [{ unique: { key: 5 } }, /`key` is a function/],
    [{ unique: { while: 'ever' } }, /`while` is queued, /],
    [{ unique: { onConflict: 'panic' } }, /`onConflict` is return-existing, /],
    [{ unique: { window: '5s' } }, /`window` goes with/],
    [{ unique: { while: 'window' } }, /`window` goes with/],
    [{ unique: { while: 'window', window: 0 } }, /`window` is more than 0/],
    [{ debounce: { wait: 0 } }, /`debounce.wait` is more than 0/],
  ])('%j is refused at definition', (options, text) => {
    const { broker } = stage()
    const define = () => broker.task({ name: 't', ...options }, async () => {})
    expect(define).toThrow(text)
  })

  it('has a key that is a text', async () => {
    const { broker } = stage()
    const task = broker.task({ name: 't', unique: { key: () => '' } }, async () => {})
    expect(await thrownBy(task.kiq())).toMatchObject({ code: 'INVALID_INPUT' })
    const plain = broker.task('plain', async () => {})
    expect(await thrownBy(plain.pending())).toMatchObject({ code: 'UNSUPPORTED' })
  })

  it('is refused by a transport without keys', async () => {
    const { broker } = stage((inner) => ({
      capabilities: { ...inner.capabilities, unique: false },
    }))
    const task = broker.task({ name: 't', unique: {} }, async () => {})
    expect(await thrownBy(task.kiq())).toMatchObject({ code: 'UNSUPPORTED' })
  })
})

describe('a debounced task', () => {
  it('runs once, with the last arguments, when it has been quiet', async () => {
    const set = stage()
    const ran: number[] = []
    const debounce = { key: byId, wait: '10s', most: '25s' } as const
    const task = set.broker.task(
      { name: 't', debounce },
      async (_: string, n: number) => void ran.push(n),
    )
    const made = await set.work()
    for (let n = 1; n <= 3; n++) {
      await task.kiq('a', n)
      await set.clock.advance(4000)
    }
    expect(ran).toEqual([])
    await set.clock.advance(7000)
    expect(ran).toEqual([3])
    // Never quiet: it runs 25 seconds after the first all the same.
    const start = set.clock.now()
    for (let n = 10; set.clock.now() < start + 26_000; n++) {
      await task.kiq('a', n)
      await set.clock.advance(5000)
    }
    expect(ran).toHaveLength(2)
    await made.stop()
  })
})

describe('a throttled task', () => {
  it('runs the first and drops the rest of its time', async () => {
    const set = stage()
    const ran: number[] = []
    const task = set.broker.task(
      { name: 't', throttle: { key: byId, every: '1m' } },
      async (_: string, n: number) => {
        ran.push(n)
      },
    )
    const made = await set.work()
    for (let n = 1; n <= 13; n++) {
      await task.kiq('a', n)
      await set.clock.advance(10_000)
    }
    expect(ran).toEqual([1, 7, 13])
    await made.stop()
  })
})
