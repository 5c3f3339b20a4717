import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createScheduler } from '../../../src/scheduler/create-scheduler.ts'
import { slotMessageId } from '../../../src/cron/plan-slots.ts'
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
