/** What is said to running workers, and what they do about it. */
import { describe, expect, it } from 'vitest'
import { memoryTransport } from '../../../src/memory/memory-transport.ts'
import { TaskContext } from '../../../src/dependencies/task-context.ts'
import { deferred, thrownBy, turns } from '../broker/stage.ts'
import { stage } from './stage.ts'

describe('remote control', () => {
  it('pings, counts, lists what runs and what is known', async () => {
    const set = stage()
    const gate = deferred()
    const task = set.broker.task('t', async () => gate.promise)
    set.broker.remoteTask('far')
    const workers = [await set.work({ name: 'a' }), await set.work({ name: 'b', concurrency: 7 })]
    const handle = await task.kiq()
    await set.clock.advance(3000)
    const { control } = set.broker
    expect(await control.ping()).toEqual(['a', 'b'])
    expect(await control.ping({ workers: ['b', 'c'] })).toEqual(['b'])
    const stats = await control.stats({ workers: ['b'] })
    expect(stats).toMatchObject([
      { worker: 'b', concurrency: 7, queues: ['default'], stuck: 0, uptime: 3, pid: process.pid },
    ])
    expect(await control.active()).toMatchObject([
      { id: handle.taskId, task: 't', queue: 'default', attempt: 1, seconds: 3 },
    ])
    expect(await control.registered({ workers: ['a'] })).toEqual([{ worker: 'a', tasks: ['t'] }])
    gate.resolve()
    await handle.result()
    expect(await control.active()).toEqual([])
    for (const worker of workers) await worker.stop()
    expect(await control.ping()).toEqual([])
  })

  it('does not begin what it hears to be cancelled while that is on its way to it', async () => {
    const set = stage()
    const ran: number[] = []
    const task = set.broker.task('t', async (n: number) => void ran.push(n))
    const made = await set.work()
    const said = { kind: 'cancel', ids: ['late'], reason: 'too late' } as const
    await set.runtime.control?.broadcast(said, { wait: 1000 })
    const late = await task.kicker().withTaskId('late').kiq(1)
    expect(await thrownBy(late.result())).toMatchObject({ reason: 'too late' })
    const other = await task.kiq(2)
    await other.result()
    expect(ran).toEqual([2])
    await made.stop()
  })

  it('shuts down who is named', async () => {
    const set = stage()
    set.broker.task('t', async () => {})
    const [a, b] = [await set.work({ name: 'a' }), await set.work({ name: 'b' })]
    expect(await set.broker.control.shutdown({ workers: ['a'], timeout: 0 })).toEqual(['a'])
    await a.stopped
    expect(set.events('stopped')).toEqual([{ reason: 'control' }])
    expect(await set.broker.control.ping()).toEqual(['b'])
    await b.stop()
  })

  it('scales what runs at once', async () => {
    const set = stage()
    const gates: { readonly resolve: () => void }[] = []
    const task = set.broker.task('t', async () => {
      const gate = deferred()
      gates.push(gate)
      await gate.promise
    })
    const made = await set.work({ concurrency: 1, prefetch: 0 })
    await task.kiqMany([[], [], [], []])
    await turns()
    expect(gates).toHaveLength(1)
    await set.broker.control.scale({ concurrency: 3 })
    await turns()
    expect(made.counts.running).toBe(3)
    await set.broker.control.scale({ concurrency: 1, prefetch: 5 })
    for (const gate of gates) gate.resolve()
    await turns()
    expect(made.counts.running).toBe(1)
    for (const gate of gates) gate.resolve()
    await made.stop()
    const bad = [{ concurrency: 0 }, { prefetch: -1 }]
    for (const to of bad)
      expect(await thrownBy(set.broker.control.scale(to))).toMatchObject({ code: 'INVALID_INPUT' })
  })

  it('pauses queues: nothing more is fetched, and what was claimed ahead goes back', async () => {
    const set = stage()
    const ran: string[] = []
    const gate = deferred()
    const task = set.broker.task('t', async (name: string) => {
      ran.push(name)
      await gate.promise
    })
    const made = await set.work({ concurrency: 1, prefetch: 5, queues: ['default', 'other'] })
    await task.kiqMany([['a'], ['b'], ['c']])
    await turns()
    const { control } = set.broker
    await control.pause({ queues: ['default'] })
    expect(await control.paused()).toEqual({ queues: ['default'], tasks: [] })
    await turns()
    expect(made.counts.prefetched).toBe(0)
    gate.resolve()
    await task.kicker().withQueue('other').kiq('d')
    await set.clock.advance(10_000)
    expect(ran).toEqual(['a', 'd'])
    await control.pause({ queues: ['other'] })
    await task.kicker().withQueue('other').kiq('e')
    await set.clock.advance(10_000)
    expect(ran).toEqual(['a', 'd'])
    const late = await set.work({ queues: ['default'] })
    await set.clock.advance(10_000)
    expect(ran).toEqual(['a', 'd'])
    await control.resume({ queues: ['default', 'other'] })
    await set.clock.advance(10_000)
    expect(ran.toSorted()).toEqual(['a', 'b', 'c', 'd', 'e'])
    for (const worker of [made, late]) await worker.stop()
    expect(await thrownBy(control.pause({}))).toMatchObject({ code: 'INVALID_INPUT' })
  })

  it('pauses tasks: their messages are put off, and use up nothing', async () => {
    const set = stage()
    const ran: string[] = []
    const [t, u] = [
      set.broker.task('t', async () => void ran.push('t')),
      set.broker.task('u', async () => void ran.push('u')),
    ]
    const made = await set.work()
    await set.broker.control.pause({ tasks: ['t'] })
    const handle = await t.kiq()
    await u.kiq()
    await set.clock.advance(20_000)
    expect(ran).toEqual(['u'])
    await set.broker.control.resume({ tasks: ['t'] })
    await set.clock.advance(6000)
    await handle.result()
    expect(ran).toEqual(['u', 't'])
    await made.stop()
  })

  it('goes on when the channel fails, and is refused where there is none', async () => {
    const factory = memoryTransport()
    const create: typeof factory.create = (around) => {
      const opened = factory.create(around)
      const away = (): Promise<never> => Promise.reject(new Error('away'))
      return { ...opened, control: { broadcast: away, listen: away, settings: away, set: away } }
    }
    const set = stage(undefined, { transport: { ...factory, create } })
    const task = set.broker.task('t', async () => 5)
    const made = await set.work()
    expect(await (await task.kiq()).result()).toBe(5)
    expect(set.lines.map(({ message }) => message)).toContain('the control channel failed')
    await made.stop()
    const bare: typeof factory.create = (around) => ({
      ...factory.create(around),
      control: undefined,
    })
    const none = stage(undefined, { transport: { ...factory, create: bare } })
    expect(() => none.broker.control).toThrow('has no control channel')
    none.broker.task('t', async () => {})
    await (await none.work()).stop()
  })
})

describe('cancel', () => {
  it('takes all that fit by queue, task and label', async () => {
    const { broker } = stage()
    const [t, u] = [broker.task('t', async () => {}), broker.task('u', async () => {})]
    const a = await t.kicker().withLabels({ tenant: 1 }).kiq()
    const b = await t.kicker().withQueue('other').withDelay('1h').kiq()
    const c = await u.kicker().withLabels({ tenant: 1 }).kiq()
    expect(await broker.cancelWhere({ labels: { tenant: 1 }, task: 't' })).toEqual([a.taskId])
    expect(await broker.cancelWhere({ queue: 'other' }, 'gone')).toEqual([b.taskId])
    await expect(b.result()).rejects.toThrow('gone')
    expect(await c.status()).toBe('queued')
    expect(await broker.cancelWhere({ task: 'x' })).toEqual([])
    expect(await broker.cancelWhere({})).toEqual([c.taskId])
  })

  it('takes all that fit and what these sent', async () => {
    const set = stage()
    const leaf = set.broker.task({ name: 'leaf', queue: 'later' }, async () => {})
    const parent = set.broker.task(
      { name: 'parent', deps: { ctx: TaskContext } },
      async ({ ctx }) => {
        await leaf.kiq()
        await new Promise((resolve) => ctx.signal.addEventListener('abort', resolve))
      },
    )
    const made = await set.work({ queues: ['default'] })
    const handle = await parent.kicker().withLabels({ tenant: 1 }).kiq()
    await turns()
    const filter = { labels: { tenant: 1 } }
    const ids = await set.broker.cancelWhere(filter, 'enough', { children: true })
    expect(ids).toHaveLength(2)
    expect(ids[0]).toBe(handle.taskId)
    for (const id of ids)
      expect((await set.broker.handle(id).waitResult()).status).toBe('cancelled')
    await made.stop()
  })

  it('takes the children too, if asked to', async () => {
    const set = stage()
    const ids: string[] = []
    const leaf = set.broker.task({ name: 'leaf', queue: 'later' }, async () => {})
    const inner = set.broker.task('inner', async () => {
      ids.push((await leaf.kiq()).taskId)
    })
    const top = set.broker.task('top', async () => {
      ids.push((await leaf.kiq()).taskId)
      await inner.kiq()
      await new Promise(() => {})
    })
    const made = await set.work({ queues: ['default'], grace: 10 })
    const [handle, alone] = [await top.kiq(), await leaf.kiq()]
    await turns()
    expect(ids).toHaveLength(2)
    expect(await handle.cancel('no more', { children: true })).toBe(true)
    for (const id of ids) await expect(set.broker.handle(id).result()).rejects.toThrow('no more')
    expect(await alone.status()).toBe('queued')
    await set.clock.advance(100)
    await made.stop()
  })
})
