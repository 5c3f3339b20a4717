/** Concurrency, order and fairness of tasks, as a caller sees them. */
import { describe, expect, it } from 'vitest'
import { TaskContext } from '../../../src/dependencies/task-context.ts'
import { chain } from '../../../src/workflows/chain.ts'
import { deferred, thrownBy, turns } from './stage.ts'
import { stage } from '../worker/stage.ts'

const first = (key: string): string => key

describe('a task with limits', () => {
  it('runs so many at once over all workers, of each key and in all', async () => {
    const set = stage()
    const gates: { readonly promise: Promise<void>; readonly resolve: (value: void) => void }[] = []
    const running: string[] = []
    const task = set.broker.task(
      { name: 't', concurrency: [{ limit: 3 }, { key: first, limit: 2 }] },
      async (key: string) => {
        running.push(key)
        const gate = deferred()
        gates.push(gate)
        await gate.promise
        running.splice(running.indexOf(key), 1)
      },
    )
    const workers = [await set.work(), await set.work()]
    await task.kiqMany(['a', 'a', 'a', 'a', 'b', 'c'].map((key) => [key] as [string]))
    await turns()
    expect(running).toEqual(['a', 'a', 'b'])
    gates[0]?.resolve()
    await turns()
    expect(running.toSorted()).toEqual(['a', 'b', 'c'])
    await set.broker.setConcurrency(task, 5)
    await turns()
    expect(running.toSorted()).toEqual(['a', 'a', 'b', 'c'])
    await set.broker.setConcurrency('t', 9, 'a')
    await turns()
    expect(running.toSorted()).toEqual(['a', 'a', 'a', 'b', 'c'])
    for (const gate of gates) gate.resolve()
    for (const worker of workers) await worker.stop()
  })

  it('keeps the order of a key over retries, and lets other keys go on', async () => {
    const set = stage()
    const ran: string[] = []
    const task = set.broker.task(
      { name: 't', ordered: { key: first }, retry: { max: 3, backoff: 1000 } },
      async (key: string, n: number) => {
        ran.push(`${key}${n}`)
        if (ran.filter((one) => one === 'a1').length < 3 && key === 'a') throw new Error('again')
      },
    )
    const made = await set.work()
    for (const [key, n] of [
      ['a', 1],
      ['a', 2],
      ['b', 1],
      ['a', 3],
      ['b', 2],
    ] as const)
      await task.kiq(key, n)
    await set.clock.advance(10_000)
    expect(ran.filter((one) => one.startsWith('a'))).toEqual(['a1', 'a1', 'a1', 'a2', 'a3'])
    expect(ran.slice(0, 3)).toEqual(['a1', 'b1', 'b2'])
    await made.stop()
  })

  it('drops the newest where it is full, and tells its sender', async () => {
    const set = stage()
    const gate = deferred()
    const task = set.broker.task(
      { name: 't', concurrency: { limit: 1, key: first, onFull: 'drop-newest' } },
      async (_key: string) => gate.promise,
    )
    const let1 = await task.kiq('a')
    expect(let1.conflict).toBeUndefined()
    const full = await task.kiq('a')
    expect(full.conflict).toEqual({ kind: 'full', id: full.taskId })
    expect(await full.status()).toBe('cancelled')
    expect(await thrownBy(full.result())).toMatchObject({
      name: 'TaskCancelledError',
      reason: "dropped: the limit 't|limit|a' is full",
    })
    const both = await task.kiqMany([['a'], ['b']])
    expect(both.map(({ conflict }) => conflict?.kind)).toEqual(['full', undefined])
    const made = await set.work()
    gate.resolve()
    await let1.result()
    expect((await task.kiq('a')).conflict).toBeUndefined()
    await made.stop()
  })

  it('cancels the oldest where it is full, and runs the new one when that has ended', async () => {
    const set = stage()
    const seen: string[] = []
    const task = set.broker.task(
      {
        name: 't',
        deps: { ctx: TaskContext },
        concurrency: { limit: 1, onFull: 'cancel-running' },
      },
      async ({ ctx }, n: number) => {
        seen.push(`${n} begins`)
        if (n === 1) await new Promise((resolve) => ctx.signal.addEventListener('abort', resolve))
        seen.push(`${n} ends`)
      },
    )
    const made = await set.work()
    const old = await task.kiq(1)
    await turns()
    const next = await task.kiq(2)
    await next.result()
    expect(seen).toEqual(['1 begins', '1 ends', '2 begins', '2 ends'])
    expect(await thrownBy(old.result())).toMatchObject({
      name: 'TaskCancelledError',
      reason: `superseded by ${next.taskId}: the limit 't|limit' is full`,
    })
    await made.stop()
  })

  it('refuses what does not go together', () => {
    const { broker } = stage()
    const drop = { limit: 1, onFull: 'drop-newest' } as const
    expect(() =>
      broker.task(
        { name: 'a', unique: { onConflict: 'replace' }, concurrency: drop },
        async () => {},
      ),
    ).toThrow(/cancel-running/)
    const wrong = { limit: 1, onFull: 'drop' as 'wait' }
    expect(() => broker.task({ name: 'b', concurrency: wrong }, async () => {})).toThrow(
      /wait, drop-newest, cancel-running/,
    )
  })

  it('serves tenants by turns', async () => {
    const set = stage()
    const ran: string[] = []
    const task = set.broker.task(
      { name: 't', fair: { key: first, share: 2 } },
      async (tenant: string) => void ran.push(tenant),
    )
    const big = await task.kiqMany(Array.from({ length: 50 }, () => ['big'] as [string]))
    const small = await task.kiqMany([['small'], ['small']])
    const made = await set.work({ concurrency: 1, prefetch: 0 })
    await Promise.all([...big, ...small].map((handle) => handle.result()))
    expect(ran).toHaveLength(52)
    expect(ran.lastIndexOf('small')).toBeLessThan(6)
    await made.stop()
  })

  it('is purged, also what waits at its gates', async () => {
    const set = stage()
    const task = set.broker.task({ name: 't', concurrency: 1 }, async () => {})
    const handles = await task.kiqMany(Array.from({ length: 450 }, () => [] as []))
    expect(await set.broker.purge('default')).toBe(450)
    const outcomes = await Promise.all(handles.map((handle) => handle.waitResult()))
    expect(outcomes.every(({ status }) => status === 'cancelled')).toBe(true)
  })

  it.each<[object, RegExp]>([
    [{ concurrency: 0 }, /`concurrency.limit` is a whole number/],
    [{ concurrency: { limit: 1.5 } }, /`concurrency.limit` is a whole number/],
    [{ concurrency: { limit: 1, key: 'a' } }, /`key` is a function/],
    [{ ordered: {} }, /`ordered` has a `key`/],
    [{ fair: {} }, /`fair` has a `key`/],
    [{ fair: { key: () => 'a', share: 0 } }, /`fair.share` is a whole number/],
  ])('%j is refused at definition', (options, text) => {
    const { broker } = stage()
    expect(() => broker.task({ name: 't', ...options }, async () => {})).toThrow(text)
  })

  it('has keys that are texts, and limits that are numbers', async () => {
    const { broker } = stage()
    const task = broker.task(
      { name: 't', concurrency: { limit: 1, key: () => 5 as unknown as string } },
      async () => {},
    )
    expect(await thrownBy(task.kiq())).toMatchObject({ code: 'INVALID_INPUT' })
    expect(await thrownBy(broker.setConcurrency(task, 0, 'k'))).toMatchObject({
      code: 'INVALID_INPUT',
    })
    const noKey = broker.setConcurrency(task, 5)
    await expect(noKey).rejects.toThrow('no `concurrency` of its own')
    await expect(broker.setConcurrency('x', 5, 'k')).rejects.toThrow('no `concurrency` with a key')
  })

  it('is refused by a transport that knows no limits', async () => {
    const { broker } = stage((inner) => ({ capabilities: { ...inner.capabilities, gates: false } }))
    const task = broker.task({ name: 't', concurrency: 1 }, async () => {})
    expect(await thrownBy(task.kiq())).toMatchObject({ code: 'UNSUPPORTED' })
    expect(await thrownBy(broker.setConcurrency(task, 1))).toMatchObject({ code: 'UNSUPPORTED' })
    expect(await broker.purge('default')).toBe(0)
  })

  it('holds as a step of a workflow, where its key is known', async () => {
    const set = stage()
    let most = 0
    let now = 0
    const slow = set.broker.task({ name: 'slow', concurrency: 1 }, async (n: number) => {
      most = Math.max(most, ++now)
      await turns()
      now--
      return n
    })
    const keyed = set.broker.task(
      { name: 'keyed', concurrency: { limit: 1, key: (n: number) => String(n) } },
      async (n: number) => n,
    )
    const once = set.broker.task({ name: 'once', unique: {} }, async (n: number) => n)
    const made = await set.work()
    const handles = await Promise.all([1, 2, 3].map((n) => chain(slow.si(n), slow.s()).kiq()))
    await set.clock.advance(1000)
    expect(await Promise.all(handles.map((handle) => handle.result()))).toEqual([1, 2, 3])
    expect(most).toBe(1)
    expect(await thrownBy(chain(slow.si(1), keyed.s()).kiq())).toMatchObject({
      code: 'INVALID_INPUT',
    })
    expect(await (await chain(slow.si(1), keyed.si(2)).kiq()).result()).toBe(2)
    expect(await thrownBy(chain(slow.si(1), once.si(2)).kiq())).toMatchObject({
      code: 'INVALID_INPUT',
    })
    await made.stop()
  })
})
