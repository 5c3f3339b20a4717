import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ScheduleSource } from '../../../src/core/schedule-source.ts'
import { createScheduler } from '../../../src/scheduler/create-scheduler.ts'
import { configSource } from '../../../src/scheduler/config-source.ts'
import { labelSource } from '../../../src/scheduler/label-source.ts'
import { storeSource } from '../../../src/scheduler/store-source.ts'
import { slotMessageId } from '../../../src/cron/plan-slots.ts'
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

describe('a scheduler', () => {
  it('sends what is due, on time, under ids that follow from plan and slot', async () => {
    const broker = stage.broker({ tick: [{ every: '10s', args: [1], labels: { a: 'b' } }] })
    await using scheduler = createScheduler({ broker })
    await scheduler.start()
    await stage.clock.advance(35_000)
    expect(stage.times('tick')).toEqual([10_000, 20_000, 30_000])
    const slot = stage.begun + 10_000
    expect(stage.sent[0]).toMatchObject({
      id: slotMessageId('tick', slot),
      args: [1],
      labels: { a: 'b', schedule_id: 'tick', tw_slot: slot },
    })
    expect(scheduler.counts).toMatchObject({ fired: 3, missed: 0, lag: { last: 0, max: 0 } })
    expect(scheduler.leads).toBe(true)
  })

  it('fires each slot once however many there are, whoever dies', async () => {
    const make = () => createScheduler({ broker: stage.broker({ tick: [{ every: '1s' }] }) })
    const [a, b, c] = [make(), make(), make()]
    await Promise.all([a.start(), b.start(), c.start()])
    expect([a, b, c].filter(({ leads }) => leads)).toHaveLength(1)
    await stage.clock.advance(10_000)
    await a.stop()
    await stage.clock.advance(10_000)
    expect([b, c].filter(({ leads }) => leads)).toHaveLength(1)
    await b.stop()
    await stage.clock.advance(10_000)
    await c.stop()
    const slots = stage.sent.map(({ labels }) => (labels['tw_slot'] as number) - stage.begun)
    expect(slots).toEqual(Array.from({ length: 30 }, (_, i) => (i + 1) * 1000))
  })

  it('of Reflector fires 24 hours exactly, with two schedulers', async () => {
    const line = (schedule: { every: number } | { cron: string }) => [schedule]
    const tasks = {
      process_messages: line({ every: minute }),
      process_meetings: line({ every: minute }),
      sync_all_ics_calendars: line({ every: minute }),
      create_upcoming_meetings: line({ every: 30_000 }),
      healthcheck_ping: line({ every: 600_000 }),
      reprocess_failed_recordings: line({ cron: '0 5 * * *' }),
      cleanup_old_public_data: line({ cron: '0 3 * * *' }),
    }
    const make = () =>
      createScheduler({ broker: stage.broker(tasks), updateInterval: '30s', lease: '1m' })
    const [a, b] = [make(), make()]
    await a.start()
    await b.start()
    await stage.clock.advance(24 * hour)
    await Promise.all([a.stop(), b.stop()])
    const counts = Object.keys(tasks).map((name) => stage.times(name).length)
    expect(counts).toEqual([1440, 1440, 1440, 2880, 144, 1, 1])
    expect(stage.times('reprocess_failed_recordings')).toEqual([5 * hour])
    expect(stage.times('cleanup_old_public_data')).toEqual([3 * hour])
    expect(new Set(stage.sent.map(({ id }) => id)).size).toBe(stage.sent.length)
    expect(a.counts.fired + b.counts.fired).toBe(stage.sent.length)
    expect(stage.logged).toEqual([])
  })

  it('neither doubles nor loses at a restart', async () => {
    const make = () => createScheduler({ broker: stage.broker({ tick: [{ every: '10s' }] }) })
    const first = make()
    await first.start()
    await stage.clock.advance(25_000)
    await first.stop()
    await stage.clock.advance(13_000)
    // The slot of second 30 is 8 s old: another scheduler might have needed as long to take over.
    const second = make()
    await second.start()
    await stage.clock.advance(0)
    expect(stage.times('tick')).toEqual([10_000, 20_000, 38_000])
    await stage.clock.advance(2000)
    await second.stop()
    expect(stage.times('tick')).toEqual([10_000, 20_000, 38_000, 40_000])
  })

  it.each([
    ['skip', 0],
    ['once', 1],
    ['all', 6],
  ] as const)('makes up for what was missed: %s', async (policy, made) => {
    const lines = [{ cron: '0 * * * *', misfire: { policy, within: '6h', after: '1m' } }] as const
    const make = (skipFirstRun = false) =>
      createScheduler({ broker: stage.broker({ tick: lines }), skipFirstRun })
    const first = make()
    await first.start()
    await first.stop()
    await stage.clock.advance(10 * hour + 5 * minute)
    await using second = make()
    await second.start()
    await stage.clock.advance(0)
    expect(stage.sent).toHaveLength(made)
    const [planned] = await second.plans()
    expect(planned?.state).toMatchObject({ fired: made, missed: 10 - made })
    await stage.clock.advance(hour)
    expect(stage.sent).toHaveLength(made + 1)
  })

  it('makes up for nothing at its first run when it is told so', async () => {
    const make = (skipFirstRun: boolean) =>
      createScheduler({
        broker: stage.broker({ tick: [{ every: '5s', misfire: 'all' }] }),
        skipFirstRun,
      })
    const first = make(false)
    await first.start()
    await first.stop()
    await stage.clock.advance(12_000)
    await using second = make(true)
    await second.start()
    await stage.clock.advance(4000)
    expect(stage.times('tick')).toEqual([15_000])
    expect(second.counts.missed).toBe(2)
  })

  it('keeps to start, end, limit and jitter', async () => {
    const at = (ms: number): string => new Date(stage.begun + ms).toISOString()
    const broker = stage.broker({
      window: [{ every: '10s', start: at(15_000), end: at(36_000) }],
      few: [{ every: '1s', limit: 3 }],
      spread: [{ every: '1m', jitter: '20s' }],
    })
    await using scheduler = createScheduler({ broker })
    await scheduler.start()
    await stage.clock.advance(5 * minute + 20_000)
    expect(stage.times('window')).toEqual([15_000, 25_000, 35_000])
    expect(stage.times('few')).toEqual([1000, 2000, 3000])
    const late = stage.times('spread').map((time, i) => time - (i + 1) * minute)
    expect(late).toHaveLength(5)
    expect(Math.min(...late)).toBeGreaterThanOrEqual(0)
    expect(Math.max(...late)).toBeLessThan(20_000)
    expect(new Set(late).size).toBeGreaterThan(1)
    expect(scheduler.counts.lag.max).toBe(0)
    expect(await scheduler.next('few', 5)).toEqual([])
  })

  it('follows the clocks of a zone: 02:30 in the night in which they go back comes once', async () => {
    stage = new Stage(Date.parse('2026-10-24T12:00:00Z'))
    const broker = stage.broker({
      nightly: [{ cron: '30 2 * * *', timezone: 'Europe/Paris' }],
      beat: [{ cron: '30 * * * *', timezone: 'Europe/Paris' }],
    })
    await using scheduler = createScheduler({ broker, updateInterval: '10m', lease: '5m' })
    await scheduler.start()
    await stage.clock.advance(24 * hour)
    const nightly = stage.times('nightly').map((ms) => new Date(stage.begun + ms).toISOString())
    expect(nightly).toEqual(['2026-10-25T00:30:00.000Z'])
    expect(stage.times('beat')).toHaveLength(24)
  })

  it('goes on where the clock of the machine is set back, and fires nothing twice', async () => {
    const broker = stage.broker({ tick: [{ every: '10s' }] })
    await using scheduler = createScheduler({ broker })
    await scheduler.start()
    await stage.clock.advance(30_000)
    stage.clock.step(-25_000)
    await stage.clock.advance(25_000)
    expect(stage.sent).toHaveLength(3)
    await stage.clock.advance(10_000)
    expect(stage.sent).toHaveLength(4)
    stage.clock.step(hour)
    await stage.clock.advance(1000)
    // An hour that was leapt over is an hour that was missed.
    expect(stage.sent.length).toBeLessThanOrEqual(4 + 3)
    expect(new Set(stage.sent.map(({ id }) => id)).size).toBe(stage.sent.length)
  })
})

describe('overlap', () => {
  it('skip: leaves out what comes before the last one has ended', async () => {
    const broker = stage.broker({ slow: [{ every: '10s', overlap: 'skip' }] })
    await using scheduler = createScheduler({ broker })
    await scheduler.start()
    await stage.clock.advance(30_000)
    expect(stage.times('slow')).toEqual([10_000])
    await stage.work(broker)
    await stage.clock.advance(20_000)
    expect(stage.times('slow')).toEqual([10_000, 40_000])
    expect(scheduler.counts.skipped).toBe(3)
  })

  it('queue-one: sends one that waited as soon as the last one has ended', async () => {
    const broker = stage.broker({ slow: [{ every: '10s', overlap: 'queue-one' }] })
    await using scheduler = createScheduler({ broker })
    await scheduler.start()
    await stage.clock.advance(32_000)
    expect(stage.times('slow')).toEqual([10_000])
    await stage.work(broker)
    await stage.clock.advance(1000)
    expect(stage.times('slow')).toEqual([10_000, 32_250])
    expect(stage.sent[1]?.labels['tw_slot']).toBe(stage.begun + 20_000)
  })

  it('queue-one: what waits survives its scheduler', async () => {
    const tasks = { slow: [{ every: '10s', overlap: 'queue-one' }] } as const
    const broker = stage.broker(tasks)
    const first = createScheduler({ broker })
    await first.start()
    await stage.clock.advance(25_000)
    await first.stop()
    await using second = createScheduler({ broker: stage.broker(tasks) })
    await second.start()
    await stage.work(broker)
    await stage.clock.advance(300)
    expect(stage.sent.map(({ labels }) => labels['tw_slot'])).toEqual([
      stage.begun + 10_000,
      stage.begun + 20_000,
    ])
  })

  it('cancel-running: cancels the last one and sends the next', async () => {
    const broker = stage.broker({ slow: [{ every: '10s', overlap: 'cancel-running' }] })
    await using scheduler = createScheduler({ broker })
    await scheduler.start()
    await stage.clock.advance(20_000)
    expect(stage.times('slow')).toEqual([10_000, 20_000])
    const [first, second] = stage.sent
    expect(await broker.handle(first?.id ?? '').status()).toBe('cancelled')
    expect(await broker.handle(second?.id ?? '').status()).toBe('queued')
  })
})

describe('plans made at run time', () => {
  it('are fired within a second, and can be paused, resumed, run and removed', async () => {
    const broker = stage.broker()
    const report = broker.task('report', async (name: string) => void name)
    await using scheduler = createScheduler({ broker })
    await scheduler.start()
    const source = storeSource(broker)
    const plan = await report.scheduleByCron(source, '*/10 * * * * *', 'a')
    await stage.clock.advance(21_000)
    expect(stage.times('report')).toEqual([10_000, 20_000])
    expect(await plan.next(2)).toEqual([30_000, 40_000].map((ms) => new Date(stage.begun + ms)))
    await plan.pause()
    await stage.clock.advance(20_000)
    expect(stage.times('report')).toHaveLength(2)
    await plan.resume()
    await stage.clock.advance(10_000)
    expect(stage.times('report')).toEqual([10_000, 20_000, 50_000])
    const run = await plan.runNow()
    expect(stage.sent.at(-1)).toMatchObject({ id: run.taskId, args: ['a'], at: 51_000 })
    expect(stage.sent.at(-1)?.labels).toMatchObject({ schedule_id: plan.scheduleId })
    expect(await plan.unschedule()).toBe(true)
    expect(await plan.unschedule()).toBe(false)
    await stage.clock.advance(30_000)
    expect(stage.sent).toHaveLength(4)
  })

  it('for one moment are sent once, also late, and are gone then', async () => {
    const broker = stage.broker()
    const report = broker.task('report', async (name: string) => void name)
    const source = storeSource(broker)
    const soon = new Date(stage.begun + 5000)
    await report.scheduleByTime(source, soon, 'soon')
    await report
      .kicker()
      .withTaskId('my-id')
      .scheduleByTime(source, new Date(stage.begun - hour), 'late')
    await using scheduler = createScheduler({ broker })
    await scheduler.start()
    await stage.clock.advance(10_000)
    expect(stage.sent.map(({ args, at }) => [args[0], at])).toEqual([
      ['late', 0],
      ['soon', 5000],
    ])
    expect(stage.sent[0]?.id).toBe('my-id')
    expect((await source.read()).plans).toEqual([])
    expect(await scheduler.plans()).toEqual([])
  })

  it('keep the labels and the queue of their kicker', async () => {
    const broker = stage.broker()
    const report = broker.task({ name: 'report', labels: { own: 1 }, priority: 2 }, async () => {})
    await report
      .kicker()
      .withLabels({ tenant: 'acme' })
      .withQueue('slow')
      .withPriority('high')
      .scheduleByInterval(storeSource(broker), { every: '2s', id: 'mine', limit: 1 })
    await using scheduler = createScheduler({ broker })
    await scheduler.start()
    await stage.clock.advance(2000)
    expect(stage.sent[0]?.labels).toMatchObject({ own: 1, tenant: 'acme', priority: 7 })
    const [queue] = await broker.inspector.queues()
    expect(queue).toMatchObject({ queue: 'slow', queued: 1 })
    expect((await scheduler.plans())[0]?.plan.id).toBe('mine')
  })

  it('are refused where they could not be fired', async () => {
    const broker = stage.broker()
    const report = broker.task('report', async (name: string) => void name)
    const source = storeSource(broker)
    await expect(report.scheduleByCron(source, '*/60 * * * * *', 'a')).rejects.toThrow(
      /every: '60s'/,
    )
    await expect(
      report.scheduleByCron(source, { cron: '* * * * *', timezone: 'Mars/Base' }, 'a'),
    ).rejects.toThrow(/not a time zone/)
    await expect(
      (report.scheduleByInterval as (...a: unknown[]) => Promise<unknown>)(source, '5s'),
    ).rejects.toThrow(/takes 1 argument/)
    await expect(
      report.scheduleByInterval(source, '5s', new Map() as unknown as string),
    ).rejects.toThrow(/Map/)
    await expect(
      report.kicker().withDelay('5s').scheduleByInterval(source, '5s', 'a'),
    ).rejects.toThrow(/no place for a delay/)
    await expect(
      report.kicker().withTaskId('x').scheduleByInterval(source, '5s', 'a'),
    ).rejects.toThrow(/one moment only/)
    await expect(report.scheduleByInterval(labelSource(broker), '5s', 'a')).rejects.toThrow(
      /written in code/,
    )
    expect((await source.read()).plans).toEqual([])
  })
})

describe('plans in code', () => {
  it('are checked before anything is fired', async () => {
    const broker = stage.broker({ tick: [{ every: '1m' }] })
    const withArgs = broker.task(
      { name: 'needy', schedule: [{ every: '1m' }] },
      async (name: string) => void name,
    )
    expect(withArgs).toBeDefined()
    await expect(createScheduler({ broker }).start()).rejects.toThrow(
      /task 'needy': schedule line 1: .*takes 1 argument/,
    )
  })

  it('are not forgotten: a scheduler without a label source refuses to start', async () => {
    const broker = stage.broker({ tick: [{ every: '1m' }], tock: [{ every: '1m' }] })
    const scheduler = createScheduler({ broker, sources: [storeSource(broker)] })
    await expect(scheduler.start()).rejects.toThrow(/task 'tick' and 1 more .*labelSource/)
  })

  it('may come from a configuration', async () => {
    const broker = stage.broker()
    const ping = broker.task('ping', async () => {})
    const entries = {
      often: { task: ping, every: '10s' },
      named: { task: 'ping', every: '15s' },
    } as const
    const scheduler = createScheduler({ broker, sources: [configSource(broker, entries)] })
    await scheduler.start()
    await stage.clock.advance(30_000)
    await scheduler.stop()
    expect(stage.sent.map(({ labels }) => String(labels['schedule_id'])).sort()).toEqual([
      'named',
      'named',
      'often',
      'often',
      'often',
    ])
    const wrong = (all: Parameters<typeof configSource>[1]) =>
      createScheduler({ broker, sources: [configSource(broker, all)] }).start()
    await expect(wrong({ x: { task: 'pong', every: '5s' } })).rejects.toThrow(/entry 'x'.*'pong'/)
    await expect(wrong({ x: { task: ping, cron: '0 0 31 2 *' } })).rejects.toThrow(
      /entry 'x'.*never/,
    )
  })

  it('have one owner: two sources with a plan of one id are refused', async () => {
    const broker = stage.broker({ tick: [{ every: '1m' }] })
    const config = configSource(broker, { tick: { task: 'tick', every: '5m' } })
    const scheduler = createScheduler({ broker, sources: [labelSource(broker), config] })
    await expect(scheduler.start()).rejects.toThrow(/another source \('labels'\)/)
  })

  it('begin anew when they are due at other times', async () => {
    const first = createScheduler({ broker: stage.broker({ tick: [{ cron: '0 5 * * *' }] }) })
    await first.start()
    await first.stop()
    await stage.clock.advance(10 * hour + minute)
    await using second = createScheduler({
      broker: stage.broker({ tick: [{ cron: '0 * * * *' }] }),
    })
    await second.start()
    await stage.clock.advance(minute)
    expect(stage.sent).toEqual([])
    await stage.clock.advance(hour)
    expect(stage.sent).toHaveLength(1)
  })

  it('can be paused by any process, but not removed', async () => {
    const tasks = { tick: [{ every: '10s' }] } as const
    await using scheduler = createScheduler({ broker: stage.broker(tasks) })
    const other = createScheduler({ broker: stage.broker(tasks) })
    await scheduler.start()
    await other.pause('tick')
    await stage.clock.advance(25_000)
    expect(stage.sent).toEqual([])
    expect((await other.plans())[0]).toMatchObject({ next: null, state: { paused: true } })
    await other.resume('tick')
    await stage.clock.advance(10_000)
    expect(stage.times('tick')).toEqual([30_000])
    await other.run('tick')
    expect(stage.times('tick')).toEqual([30_000, 35_000])
    await expect(other.remove('tick')).rejects.toThrow(/written in code/)
    await expect(other.pause('tock')).rejects.toThrow(/no schedule 'tock' \(there are tick\)/)
  })
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
