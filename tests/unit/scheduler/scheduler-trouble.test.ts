import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ScheduleSource } from '../../../src/core/schedule-source.ts'
import { createScheduler } from '../../../src/scheduler/create-scheduler.ts'
import { labelSource } from '../../../src/scheduler/label-source.ts'
import { storeSource } from '../../../src/scheduler/store-source.ts'
import { runtimeOf } from '../../../src/broker/runtime.ts'
import { Stage } from './stage.ts'

const minute = 60_000
const hour = 60 * minute

let stage: Stage

beforeEach(() => {
  stage = new Stage()
})

afterEach(async () => {
  await stage.close()
})

describe('the status', () => {
  it('tells healthy, absent and stalled apart', async () => {
    const tasks = { tick: [{ every: '10s' }] } as const
    const watcher = createScheduler({ broker: stage.broker(tasks) })
    expect(await watcher.status()).toMatchObject({
      health: 'absent',
      plans: 1,
      overdue: [],
      leaders: [],
    })
    const scheduler = createScheduler({ broker: stage.broker(tasks) })
    await scheduler.start()
    await stage.clock.advance(20_000)
    const healthy = await watcher.status()
    expect(healthy).toMatchObject({ health: 'healthy', fired: 2, missed: 0, overdue: [] })
    expect(healthy.leaders[0]).toMatchObject({
      alive: true,
      report: { pid: process.pid, plans: 1 },
    })
    await scheduler.stop()
    await stage.clock.advance(hour)
    expect(await watcher.status()).toMatchObject({ health: 'absent', overdue: ['tick'] })
    // One of the same group that keeps the lead and does nothing.
    const { group } = (await watcher.status()).leaders[0] ?? { group: '' }
    const { ledger } = runtimeOf(stage.broker(tasks))
    await ledger?.lead({ group, holder: 'x', lease: hour, report: 'not JSON' })
    expect(await watcher.status()).toMatchObject({ health: 'stalled', overdue: ['tick'] })
  })
})

describe('trouble', () => {
  it('a store that has lost what it knew of a plan: it is made known again', async () => {
    const broker = stage.broker({ tick: [{ every: '10s' }] })
    await using scheduler = createScheduler({ broker })
    await scheduler.start()
    await stage.clock.advance(10_000)
    await runtimeOf(broker).ledger?.forget(['tick'])
    await stage.clock.advance(40_000)
    expect(stage.times('tick').length).toBeGreaterThanOrEqual(3)
    expect(new Set(stage.sent.map(({ id }) => id)).size).toBe(stage.sent.length)
  })

  it('plans that are changed and removed by others are followed', async () => {
    const broker = stage.broker()
    const report = broker.task('report', async () => {})
    const source = storeSource(broker)
    const plan = await report.scheduleByInterval(source, { every: '10s', id: 'p' })
    await using scheduler = createScheduler({ broker })
    await scheduler.start()
    await stage.clock.advance(10_000)
    await report.scheduleByInterval(source, { every: '3s', id: 'p' })
    await stage.clock.advance(8000)
    expect(stage.times('report')).toEqual([10_000, 14_000, 17_000])
    await source.put([{ id: 'p', task: 'nobody', args: [], kwargs: {}, labels: {}, every: 3000 }])
    await stage.clock.advance(10_000)
    expect(stage.sent).toHaveLength(3)
    expect(stage.logged.join()).toMatch(/'p' of source 'store' is not fired: .*no task 'nobody'/)
    await source.remove(['p'])
    await stage.clock.advance(2000)
    expect((await scheduler.status()).bad).toEqual([])
    expect(await plan.unschedule()).toBe(false)
  })

  it('a store that cannot remove a plan which is done: it is tried again, and others are fired', async () => {
    const broker = stage.broker({ tick: [{ every: '10s' }] })
    const report = broker.task('report', async () => {})
    const inner = storeSource(broker)
    let failing = true
    const source = {
      ...inner,
      get identity() {
        return inner.identity
      },
      remove: async (ids: readonly string[]) => {
        if (failing) throw new Error('read only')
        return inner.remove(ids)
      },
    }
    await report.scheduleByTime(source, new Date(stage.begun + 5000))
    await using scheduler = createScheduler({ broker, sources: [labelSource(broker), source] })
    await scheduler.start()
    await stage.clock.advance(20_000)
    expect(stage.times('report')).toEqual([5000])
    expect(stage.times('tick')).toEqual([10_000, 20_000])
    expect(stage.logged.join()).toMatch(/plans that are done could not be removed.*read only/)
    failing = false
    await stage.clock.advance(hour / 30)
    expect((await inner.read()).plans).toEqual([])
  })

  it('a scheduler may be started again; a start that failed too', async () => {
    const broker = stage.broker({ tick: [{ every: '10s' }] })
    const needless = createScheduler({ broker, sources: [storeSource(broker)] })
    await expect(needless.start()).rejects.toThrow(/labelSource/)
    await expect(needless.start()).rejects.toThrow(/labelSource/)
    const scheduler = createScheduler({ broker })
    await Promise.all([scheduler.start(), scheduler.start()])
    await stage.clock.advance(10_000)
    await scheduler.stop()
    await scheduler.stop()
    expect(scheduler.leads).toBe(false)
    await scheduler.start({ updateInterval: '2s', skipFirstRun: true })
    await stage.clock.advance(10_000)
    await scheduler.stop()
    expect(stage.times('tick')).toEqual([10_000, 20_000])
  })

  it('a leader that hangs gives its lead away', async () => {
    const tasks = { tick: [{ every: '10s', misfire: 'all' }] } as const
    let hanging = true
    const hung = stage.broker(tasks, {
      middlewares: [
        {
          name: 'hangs',
          send: (sending, next) => (hanging ? new Promise<never>(() => {}) : next(sending)),
        },
      ],
    })
    const first = createScheduler({ broker: hung })
    await first.start()
    await using second = createScheduler({ broker: stage.broker(tasks) })
    await second.start()
    await stage.clock.advance(60_000)
    expect(stage.logged.join()).toMatch(/does not get on, so it gives its lead away/)
    expect(second.leads).toBe(true)
    expect(stage.times('tick').length).toBeGreaterThan(0)
    const slots = stage.sent.map(({ labels }) => labels['tw_slot'])
    expect(new Set(slots).size).toBe(slots.length)
    hanging = false
  })

  it('a source that tells all plans at each look: only what has changed is made anew', async () => {
    const broker = stage.broker({ two: [{ every: '1h' }, { every: '2h' }] })
    const report = broker.task('report', async (_n: bigint) => {})
    expect(report.name).toBe('report')
    const plan = { id: 'p', task: 'report', args: [10n], kwargs: {}, labels: {}, every: 10_000 }
    let plans = [plan]
    let reads = 0
    const source: ScheduleSource = {
      name: 'all',
      identity: 'all',
      writable: true,
      start: async () => {},
      stop: async () => {},
      read: async () => ({
        stamp: String(++reads),
        whole: true,
        plans: structuredClone(plans),
        removed: [],
        unreadable: reads > 3 ? [{ id: 'x', why: 'rubbish' }] : undefined,
      }),
      put: async () => {},
      remove: async () => [],
    }
    await using scheduler = createScheduler({ broker, sources: [labelSource(broker), source] })
    await scheduler.start()
    await stage.clock.advance(15_000)
    plans = [{ ...plan, every: 2000 }]
    await stage.clock.advance(4500)
    expect(stage.times('report')).toEqual([10_000, 18_000])
    plans = []
    await stage.clock.advance(10_000)
    expect(stage.times('report').length).toBeLessThanOrEqual(4)
    expect((await scheduler.plans()).map((each) => each.plan.id)).toEqual(['two', 'two:2'])
    expect((await scheduler.status()).bad).toEqual([{ id: 'x', source: 'all', why: 'rubbish' }])
  })

  it('names a few of many plans, and says where there are none', async () => {
    const none = createScheduler({ broker: stage.broker() })
    await expect(none.run('x')).rejects.toThrow(/there are none/)
    const tasks = Object.fromEntries(
      Array.from({ length: 12 }, (_, i) => [`t${i}`, [{ every: '1m' as const }]]),
    )
    const many = createScheduler({ broker: stage.broker(tasks) })
    await expect(many.next('x')).rejects.toThrow(/t0, t1.*…/)
    await expect(labelSource(stage.broker()).put([])).rejects.toThrow(/written in code/)
  })

  it('a hook that fails: the fire is tried again, and others are not held up', async () => {
    let failing = true
    const broker = stage.broker(
      { tick: [{ every: '10s' }], tock: [{ every: '10s' }] },
      {
        middlewares: [
          {
            name: 'moody',
            send: (sending, next) => {
              if (failing && sending.message.task === 'tick') throw new Error('not now')
              return next(sending)
            },
          },
        ],
      },
    )
    await using scheduler = createScheduler({ broker })
    await scheduler.start()
    await stage.clock.advance(12_500)
    expect(stage.times('tock')).toEqual([10_000])
    failing = false
    await stage.clock.advance(1500)
    expect(stage.times('tick')).toEqual([13_000])
    expect(scheduler.counts.errors).toBe(3)
    expect(stage.logged[0]).toMatch(/'tick' could not be fired.*not now/)
  })

  it('a full queue: the fire waits for room', async () => {
    const broker = stage.broker({ tick: [{ every: '10s' }] }, { queues: { default: { cap: 1 } } })
    await using scheduler = createScheduler({ broker })
    await scheduler.start()
    await stage.clock.advance(22_500)
    expect(stage.times('tick')).toEqual([10_000])
    await stage.work(broker)
    await stage.clock.advance(1000)
    expect(stage.times('tick')).toEqual([10_000, 23_000])
  })

  it('a source that fails keeps its plans, and is told', async () => {
    const broker = stage.broker()
    broker.task('report', async () => {})
    const inner = storeSource(broker)
    let failing = false
    const source = {
      ...inner,
      get identity() {
        return inner.identity
      },
      read: async (since?: string) => {
        if (failing) throw new Error('the store is away')
        return inner.read(since)
      },
    }
    await inner.start({ ...runtimeSurroundings() })
    await inner.put([
      { id: 'p', task: 'report', args: [], kwargs: {}, labels: {}, every: 10_000 },
      { id: 'q', task: 'nobody', args: [], kwargs: {}, labels: {}, every: 10_000 },
      { id: 'r', task: 'report', args: [], kwargs: {}, labels: {}, cron: 'no cron' },
    ])
    await using scheduler = createScheduler({ broker, sources: [source] })
    await scheduler.start()
    failing = true
    await stage.clock.advance(10_000)
    expect(stage.times('report')).toEqual([10_000])
    expect(stage.logged.join('\n')).toMatch(/could not read its sources.*the store is away/)
    failing = false
    expect((await scheduler.status()).bad.map(({ id, why }) => [id, why])).toEqual([
      ['q', expect.stringMatching(/no task 'nobody'/)],
      ['r', expect.stringMatching(/not a cron line/)],
    ])
  })

  it('refuses options that it does not know', () => {
    const broker = stage.broker()
    expect(() => createScheduler({ broker, colour: 'red' } as never)).toThrow(/no option 'colour'/)
    expect(() => createScheduler({ broker: {} as never })).toThrow(/needs a `broker`/)
    expect(() => createScheduler({ broker, lease: 1 })).toThrow(/`lease` is 300 ms or more/)
    expect(() => createScheduler({ broker, lease: 'x' as never })).toThrow(
      /`lease`: not a duration/,
    )
  })
})

function runtimeSurroundings() {
  return { clock: stage.clock, random: { next: () => 0, hex: () => '' }, logger: console as never }
}
