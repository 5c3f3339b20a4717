/** `ctx.lock` and `ctx.once`, and what becomes of them with the end of a run. */
import { describe, expect, it } from 'vitest'
import type { TaskContext as Context } from '../../../src/core/context.ts'
import type { Task } from '../../../src/broker/task.ts'
import { LockedError, UnsupportedError } from '../../../src/core/errors.ts'
import type { Locks } from '../../../src/core/locks.ts'
import type { TransportFactory } from '../../../src/core/vendor.ts'
import { TaskContext } from '../../../src/dependencies/task-context.ts'
import { memoryTransport } from '../../../src/memory/memory-transport.ts'
import { deferred, thrownBy, turns } from '../broker/stage.ts'
import { stage, type Stage } from './stage.ts'

function task(
  set: Stage,
  body: (ctx: Context) => unknown,
  max = 0,
): Task<[], string | number | null> {
  const options = { name: 't', deps: { ctx: TaskContext }, retry: { max, backoff: 1000 } } as const
  return set.broker.task(options, async ({ ctx }) => (await body(ctx)) as string | number | null)
}

/** The memory transport with other locks. */
function lockedBy(alter: (inner: Locks) => Partial<Locks> | undefined): TransportFactory {
  const factory = memoryTransport()
  return {
    ...factory,
    create(around) {
      const opened = factory.create(around)
      const { locks } = opened
      const other = locks === undefined ? undefined : alter(locks)
      const bound = locks && {
        acquire: locks.acquire.bind(locks),
        renew: locks.renew.bind(locks),
        free: locks.free.bind(locks),
        onFreed: locks.onFreed.bind(locks),
      }
      return { ...opened, locks: bound && other && { ...bound, ...other } }
    },
  }
}

describe('a lock of a task', () => {
  it('keeps others out until the run ends, and is given back with it', async () => {
    const set = stage()
    const gates = [deferred(), deferred()]
    const tokens: number[] = []
    const t = task(set, async (ctx) => {
      const lock = await ctx.lock('key')
      tokens.push(lock.token)
      await gates[tokens.length - 1]?.promise
    })
    const made = await set.work()
    const handles = await t.kiqMany([[], []])
    await set.clock.advance(1000)
    expect(tokens).toHaveLength(1)
    gates[0]?.resolve()
    await set.clock.advance(1000)
    expect(tokens).toEqual([tokens[0], (tokens[0] ?? 0) + 1])
    gates[1]?.resolve()
    await Promise.all(handles.map((handle) => handle.result()))
    await using free = await set.broker.lock('key', { wait: 0 })
    expect(free.key).toBe('key')
    await made.stop()
  })

  it('is extended for as long as the run takes', async () => {
    const set = stage()
    const gate = deferred()
    const t = task(set, async (ctx) => {
      await ctx.lock('key', { ttl: '3s' })
      await gate.promise
    })
    const made = await set.work()
    const handle = await t.kiq()
    await set.clock.advance(20_000)
    expect(await thrownBy(set.broker.lock('key', { wait: 0 }))).toBeInstanceOf(LockedError)
    gate.resolve()
    await handle.result()
    expect(await (await set.broker.lock('key', { wait: 0 })).release()).toBe(true)
    await made.stop()
  })

  it('that is held elsewhere skips the task: cancelled, no retry, no dead letter', async () => {
    const set = stage()
    let runs = 0
    const t = task(
      set,
      async (ctx) => {
        runs++
        await ctx.lock('key', { ifLocked: 'skip' })
      },
      3,
    )
    const made = await set.work()
    const lock = await set.broker.lock('key')
    const outcome = await (await t.kiq()).waitResult()
    expect(outcome).toMatchObject({ status: 'cancelled', isErr: true })
    expect(outcome.error?.message).toMatch("skipped: 'key' is locked")
    await set.clock.advance(60_000)
    expect(runs).toBe(1)
    expect(await set.broker.inspector.deadLetters({ limit: 9 })).toEqual([])
    await lock.release()
    expect((await (await t.kiq()).waitResult()).status).toBe('succeeded')
    await made.stop()
  })

  it('fails where it was asked to, and is asked for again by the retry policy', async () => {
    const set = stage()
    const t = task(set, async (ctx) => (await ctx.lock('key', { ifLocked: 'fail' })).key, 1)
    const made = await set.work()
    const lock = await set.broker.lock('key')
    const handle = await t.kiq()
    await turns()
    expect(await handle.status()).toBe('retrying')
    await lock.release()
    await set.clock.advance(1000)
    expect(await handle.result()).toBe('key')
    await made.stop()
  })

  it('is not waited for any longer once the task is cancelled', async () => {
    const set = stage()
    const t = task(set, async (ctx) => (await ctx.lock('key')).key)
    const made = await set.work()
    await set.broker.lock('key')
    const handle = await t.kiq()
    await turns()
    await handle.cancel('enough')
    await expect(handle.result()).rejects.toThrow('enough')
    await made.stop()
  })

  it('tells when it was lost, and cannot be extended any more', async () => {
    const set = stage(undefined, { transport: lockedBy(() => ({ renew: async () => false })) })
    const lock = await set.broker.lock('key', { ttl: 3000 })
    await set.clock.advance(1000)
    expect(lock.signal.reason).toMatchObject({ code: 'LOCK_LOST', key: 'key' })
    await expect(lock.extend()).rejects.toThrow(/was not extended in time/)
  })

  it('is lost when the store stays away for its whole length, not before', async () => {
    const away = new Error('away')
    const set = stage(undefined, {
      transport: lockedBy(() => ({
        renew: () => Promise.reject(away),
        free: () => Promise.reject(away),
      })),
    })
    const lock = await set.broker.lock('key', { ttl: 3000 })
    await set.clock.advance(2900)
    expect(lock.signal.aborted).toBe(false)
    await set.clock.advance(200)
    expect(lock.signal.aborted).toBe(true)
    const made = await set.work()
    const t = task(set, async (ctx) => void (await ctx.lock('other')))
    await (await t.kiq()).result()
    expect(set.lines.map(({ message }) => message)).toContain(
      'a lock could not be given back: it ends by time',
    )
    await made.stop()
  })

  it('is a semaphore with a limit, and extended by hand', async () => {
    const { broker, clock } = stage()
    const [a, b] = [
      await broker.lock('key', { limit: 2 }),
      await broker.lock('key', { limit: 2, ttl: '1h' }),
    ]
    const third = thrownBy(broker.lock('key', { limit: 2, wait: '1s' }))
    await clock.advance(1000)
    expect(await third).toMatchObject({ code: 'LOCKED', key: 'key' })
    await a.extend('2h')
    await a.release()
    await using c = await broker.lock('key', { limit: 2, wait: 0 })
    expect(c.token).toBeGreaterThan(b.token)
  })

  it('is refused where there are none, and for options that are wrong', async () => {
    const none = stage(undefined, { transport: lockedBy(() => undefined) })
    expect(await thrownBy(none.broker.lock('key'))).toBeInstanceOf(UnsupportedError)
    const { broker } = stage()
    await expect(broker.lock('')).rejects.toThrow('a lock has a key')
    await expect(broker.lock('k', { limit: 0 })).rejects.toThrow('1 or more')
    await expect(broker.lock('k', { ttl: 0 })).rejects.toThrow('more than 0')
  })
})

describe('a step of a task', () => {
  it('runs once over all attempts, and is forgotten when the task has succeeded', async () => {
    const set = stage()
    const paid: number[] = []
    const values: unknown[] = []
    const t = task(
      set,
      async (ctx) => {
        const [a, b] = await Promise.all([
          ctx.once('pay', () => void paid.push(ctx.attempt)),
          ctx.once('draw', async () => ({ id: ctx.attempt, at: new Date(5) })),
        ])
        values.push(a, b)
        expect(await ctx.once('draw', () => expect.unreachable())).toEqual(b)
        if (ctx.attempt < 3) throw new Error('again')
        return ctx.taskId
      },
      5,
    )
    const made = await set.work()
    const handle = await t.kiq()
    await set.clock.advance(5000)
    const id = await handle.result()
    expect(paid).toEqual([1])
    const drawn = { id: 1, at: new Date(5) }
    expect(values).toEqual([undefined, drawn, undefined, drawn, undefined, drawn])
    expect(await set.runtime.results.delete([String(id)])).toBe(1)
    await made.stop()
  })

  it('that throws is not kept', async () => {
    const set = stage()
    let tries = 0
    const t = task(set, async (ctx) => {
      const draw = (): number => {
        if (++tries === 1) throw new Error('first')
        return tries
      }
      await expect(ctx.once('draw', draw)).rejects.toThrow('first')
      await expect(ctx.once('', draw)).rejects.toThrow('a step has a key')
      return ctx.once('draw', draw)
    })
    const made = await set.work()
    expect(await (await t.kiq()).result()).toBe(2)
    await made.stop()
  })

  it('is kept for a dead letter that is run again', async () => {
    const set = stage()
    let made = 0
    let fail = true
    const t = task(set, async (ctx) => {
      await ctx.once('make', () => ++made)
      if (fail) throw new Error('no')
    })
    const worker = await set.work()
    const handle = await t.kiq()
    await expect(handle.result()).rejects.toThrow('no')
    fail = false
    await set.broker.retryDead([handle.taskId])
    await handle.result()
    expect(made).toBe(1)
    await worker.stop()
  })

  it('leaves a line in the log when it cannot be deleted', async () => {
    const set = stage()
    const t = task(set, (ctx) => ctx.once('make', () => 1))
    const made = await set.work()
    set.runtime.results.delete = () => Promise.reject(new Error('away'))
    await (await t.kiq()).result()
    await turns()
    expect(set.lines.map(({ message }) => message)).toContain(
      'the steps of a task could not be deleted',
    )
    await made.stop()
  })
})

describe('a task that is called directly', () => {
  it('takes locks, and runs its steps', async () => {
    const set = stage()
    const t = task(set, async (ctx) => {
      await using lock = await ctx.lock('key')
      return await ctx.once('a', () => lock.key)
    })
    expect(await t()).toBe('key')
    const skips = set.broker.task({ name: 's', deps: { ctx: TaskContext } }, async ({ ctx }) => {
      await ctx.lock('key', { ifLocked: 'skip' })
    })
    await using _ = await set.broker.lock('key')
    await expect(skips()).rejects.toThrow('locked by somebody else')
  })
})
