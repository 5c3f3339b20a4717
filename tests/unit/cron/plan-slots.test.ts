import { describe, expect, it } from 'vitest'
import { isId } from '../../../src/core/ids.ts'
import type { SchedulePlan } from '../../../src/core/schedule-plan.ts'
import { dueTime, nextSlot, slotMessageId, timingPrint } from '../../../src/cron/plan-slots.ts'
import { readMoment } from '../../../src/cron/read-moment.ts'

const base = { id: 'p', task: 't', args: [], kwargs: {}, labels: {} }

describe('slots', () => {
  it('of an interval are counted from when it was first seen, or from its start', () => {
    expect(nextSlot({ every: 1000 }, 5000, 5000)).toBe(6000)
    expect(nextSlot({ every: 1000 }, 6000, 5000)).toBe(7000)
    expect(nextSlot({ every: 1000 }, 9500, 5000)).toBe(10_000)
    expect(nextSlot({ every: 1000 }, 0, 5000)).toBe(6000)
    expect(nextSlot({ every: 1000, start: 7300 }, 0, 5000)).toBe(7300)
    expect(nextSlot({ every: 1000, start: 7300 }, 7300, 5000)).toBe(8300)
  })

  it('lie from start to before end', () => {
    const plan = { cron: '* * * * *', start: 120_000, end: 240_000 }
    expect(nextSlot(plan, 0, 0)).toBe(120_000)
    expect(nextSlot(plan, 120_000, 0)).toBe(180_000)
    expect(nextSlot(plan, 180_000, 0)).toBeNull()
    expect(nextSlot({ every: 1000, end: 6000 }, 5000, 5000)).toBeNull()
    expect(nextSlot({ at: 50, end: 50 }, 0, 0)).toBeNull()
  })

  it('of a moment are that one', () => {
    expect(nextSlot({ at: 50 }, 49, 0)).toBe(50)
    expect(nextSlot({ at: 50 }, 50, 0)).toBeNull()
    expect(nextSlot({ at: 50, start: 60 }, 0, 0)).toBeNull()
    expect(nextSlot({}, 0, 0)).toBeNull()
  })

  it('are sent later by a jitter that is the same in every scheduler and spread over its range', () => {
    const plan: SchedulePlan = { ...base, every: 1000, jitter: 500 }
    const shares = Array.from({ length: 200 }, (_, i) => dueTime(plan, i * 1000) - i * 1000)
    expect(Math.min(...shares)).toBeGreaterThanOrEqual(0)
    expect(Math.max(...shares)).toBeLessThan(500)
    expect(new Set(shares).size).toBeGreaterThan(100)
    expect(dueTime({ ...plan }, 3000)).toBe(dueTime(plan, 3000))
    expect(dueTime({ ...plan, jitter: undefined }, 3000)).toBe(3000)
  })

  it('give their message an id: one for each plan and slot, in the order of time', () => {
    const id = slotMessageId('reports/daily', 1_764_244_800_000)
    expect(id).toMatch(/^[0-9a-f]{32}$/)
    expect(isId(id)).toBe(true)
    expect(slotMessageId('reports/daily', 1_764_244_800_000)).toBe(id)
    expect(slotMessageId('reports/daily', 1_764_244_801_000) > id).toBe(true)
    expect(slotMessageId('reports/weekly', 1_764_244_800_000)).not.toBe(id)
  })

  it('have a print that changes with them and with nothing else', () => {
    const plan: SchedulePlan = { ...base, cron: '0 5 * * *', limit: 3 }
    expect(timingPrint({ ...plan, limit: 4, jitter: 7 })).toBe(timingPrint(plan))
    expect(timingPrint({ ...plan, timezone: 'Europe/Paris' })).not.toBe(timingPrint(plan))
    expect(timingPrint({ ...plan, cron: '0 6 * * *' })).not.toBe(timingPrint(plan))
  })
})

describe('a moment', () => {
  it.each<[string | Date, string | undefined, string]>([
    [new Date(5), undefined, '1970-01-01T00:00:00.005Z'],
    ['2026-07-01', undefined, '2026-07-01T00:00:00.000Z'],
    ['2026-07-01T05:00', 'Europe/Paris', '2026-07-01T03:00:00.000Z'],
    ['2026-07-01 05:00:30.25', 'America/New_York', '2026-07-01T09:00:30.250Z'],
    ['2026-07-01T05:00Z', 'Europe/Paris', '2026-07-01T05:00:00.000Z'],
    ['2026-07-01T05:00+02:00', 'UTC', '2026-07-01T03:00:00.000Z'],
    ['2026-10-25T02:30', 'Europe/Paris', '2026-10-25T00:30:00.000Z'],
  ])('%s in %s', (value, zone, expected) => {
    expect(new Date(readMoment(value, zone)).toISOString()).toBe(expected)
  })

  it.each([
    ['2026-02-30', undefined],
    ['2026-03-29T02:30', 'Europe/Paris'],
    ['25:00', undefined],
    ['2026-01-01T24:30', undefined],
    [new Date(Number.NaN), undefined],
  ])('is not %s in %s', (value, zone) => {
    expect(() => readMoment(value, zone)).toThrow(/is not a date|does not exist/)
  })
})
