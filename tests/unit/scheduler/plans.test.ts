import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createScheduler } from '../../../src/scheduler/create-scheduler.ts'
import { configSource } from '../../../src/scheduler/config-source.ts'
import { labelSource } from '../../../src/scheduler/label-source.ts'
import { storeSource } from '../../../src/scheduler/store-source.ts'
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
