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
    ['less than a second on request', { every: 200, subSecond: true }],
    ['a line of Celery', { cron: '0 5 * * mon', dialect: 'celery' }],
    [
      'full of settings',
      {
        id: 'nightly',
        every: '1h',
        args: [1],
        labels: { a: 1 },
        queue: 'q',
        timezone: 'Europe/Paris',
        start: '2026-01-01',
        end: new Date('2027-01-01'),
        limit: 3,
        jitter: '5s',
        overlap: 'queue-one',
        misfire: { policy: 'all', within: '1h', after: '1s' },
      },
    ],
  ])('may be %s', (_, line) => {
    expect(() => checkSchedule([line as ScheduleLine])).not.toThrow()
  })

  it.each<[string, unknown, RegExp]>([
    ['nothing', {}, /exactly one of/],
    ['two at once', { cron: '* * * * *', every: '1m' }, /exactly one of/],
    ['less than a second', { every: 999 }, /one second or more/],
    ['a step as large as its field', { cron: '*/60 * * * * *' }, /every: '60s'/],
    ['no duration', { every: 'often' }, /not a duration/],
    ['no date', { at: 'someday' }, /'someday' is not a date/],
    ['four fields', { cron: '* * * *' }, /5 or 6 fields/],
    ['seven fields', { cron: '* * * * * * *' }, /5 or 6 fields/],
    ['a long line', { cron: `* * * * ${'1,'.repeat(200)}1` }, /5 or 6 fields/],
    ['a step of 0', { cron: '*/0 * * * *' }, /the step of '\*\/0'/],
    ['what never comes', { cron: '0 0 30 2 *' }, /never comes round/],
    ['an unknown zone', { cron: '* * * * *', timezone: 'Mars/Base' }, /schedule line 1/],
    ['no cron line', { cron: 'a b c d e' }, /schedule line 1/],
    ['no object', null, /a line is an object/],
    ['what nobody knows', { every: '1m', offset: 5 }, /there is no 'offset'/],
    ['without a name', { every: '1m', id: 'a b' }, /without spaces/],
    ['with one argument', { every: '1m', args: 5 }, /`args` is a list/],
    ['with another overlap', { every: '1m', overlap: 'maybe' }, /`overlap` is/],
    ['with another misfire', { every: '1m', misfire: 'maybe' }, /`misfire` is/],
    ['with no limit', { every: '1m', limit: 0 }, /`limit` is/],
    ['with a dialect for nothing', { every: '1m', dialect: 'celery' }, /`dialect` says/],
    ['with a zone that is no text', { every: '1m', timezone: 5 }, /`timezone` is a text/],
    ['of no length', { every: 0, subSecond: true }, /more than 0/],
    ['that ends first', { every: '1m', start: '2027-01-01', end: '2026-01-01' }, /before `end`/],
  ])('cannot be %s', (_, line, text) => {
    expect(() => checkSchedule([line as ScheduleLine])).toThrow(text)
  })

  it('is a list, and the line at fault is named', () => {
    expect(() => checkSchedule('x' as unknown as ScheduleLine[])).toThrow(/a list of lines/)
    expect(() => checkSchedule([{ every: '1m' }, { every: 1 }])).toThrow(/schedule line 2/)
  })
})
