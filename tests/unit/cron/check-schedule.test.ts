import { describe, expect, it } from 'vitest'
import type { ScheduleLine } from '../../../src/core/schedule-line.ts'
import { checkSchedule } from '../../../src/cron/check-schedule.ts'

describe('a schedule', () => {
  it.each<[string, unknown]>([
    ['five fields', { cron: '0 5 * * *' }],
    ['six fields', { cron: '*/20 * * * * *' }],
    ['a nickname', { cron: '@hourly' }],
    ['a time zone', { cron: '0 5 * * *', timezone: 'Europe/Paris' }],
    ['an interval', { every: '30s' }],
    ['a moment', { at: new Date(0) }],
  ])('may be %s', (_, line) => {
    expect(() => checkSchedule([line as ScheduleLine])).not.toThrow()
  })

  it.each<[string, unknown, RegExp]>([
    ['nothing', {}, /exactly one of/],
    ['two at once', { cron: '* * * * *', every: '1m' }, /exactly one of/],
    ['less than a second', { every: 999 }, /one second or more/],
    ['no duration', { every: 'often' }, /not a duration/],
    ['no date', { at: 'someday' }, /'someday' is not a date/],
    ['four fields', { cron: '* * * *' }, /5 or 6 fields/],
    ['seven fields', { cron: '* * * * * * *' }, /5 or 6 fields/],
    ['a long line', { cron: `* * * * ${'1,'.repeat(200)}1` }, /5 or 6 fields/],
    ['a step of 0', { cron: '*/0 * * * *' }, /the step of '\*\/0'/],
    ['what never comes', { cron: '0 0 30 2 *' }, /never comes round/],
    ['an unknown zone', { cron: '* * * * *', timezone: 'Mars/Base' }, /schedule line 1/],
    ['no cron line', { cron: 'a b c d e' }, /schedule line 1/],
  ])('cannot be %s', (_, line, text) => {
    expect(() => checkSchedule([line as ScheduleLine])).toThrow(text)
  })

  it('is a list, and the line at fault is named', () => {
    expect(() => checkSchedule('x' as unknown as ScheduleLine[])).toThrow(/a list of lines/)
    expect(() => checkSchedule([{ every: '1m' }, { every: 1 }])).toThrow(/schedule line 2/)
  })
})
