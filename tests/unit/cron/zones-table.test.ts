/**
 * Thirty lines in ten zones around changes of the clocks, against a scan that is written apart: it looks at
 * every second (or minute) of real time, reads the clocks of the zone by `Intl`, and matches fields one by one.
 */
import { describe, expect, it } from 'vitest'
import type { CronDialect } from '../../../src/core/schedule-line.ts'
import { cronLine } from '../../../src/cron/cron-line.ts'

/** Zone, and noon (UTC) of the days whose neighbourhoods are scanned. */
const zones: readonly [zone: string, days: readonly string[]][] = [
  ['America/New_York', ['2026-03-08', '2026-11-01']],
  ['Europe/Berlin', ['2026-03-29', '2026-10-25']],
  ['Australia/Melbourne', ['2026-04-04', '2026-10-03']],
  ['Australia/Lord_Howe', ['2026-04-04', '2026-10-03']],
  ['America/Sao_Paulo', ['2018-02-18', '2018-11-04']],
  ['America/Santiago', ['2026-04-05', '2026-09-06']],
  ['Africa/Cairo', ['2026-04-24', '2026-10-30']],
  ['Asia/Kathmandu', ['2026-03-01', '1985-12-31']],
  ['Pacific/Apia', ['2011-12-30', '2012-04-01']],
  ['UTC', ['2026-03-29', '2028-02-29']],
]

interface Line {
  readonly text: string
  readonly dialect?: CronDialect
}
const lines: Line[] = [
  { text: '* * * * *' },
  { text: '*/30 * * * *' },
  { text: '15 * * * *' },
  { text: '0 * * * *' },
  { text: '7,22,37,52 * * * *' },
  { text: '0 */2 * * *' },
  { text: '30 */3 * * *' },
  { text: '0 0 * * *' },
  { text: '30 0 * * *' },
  { text: '59 23 * * *' },
  { text: '30 1 * * *' },
  { text: '0 2 * * *' },
  { text: '30 2 * * *' },
  { text: '0 3 * * *' },
  { text: '15,45 2 * * *' },
  { text: '15,45 1 * * *' },
  { text: '0 1-4 * * *' },
  { text: '*/20 1-3 * * *' },
  { text: '0 5 * * *' },
  { text: '30 0,12 * * SUN' },
  { text: '30 2 * * 0' },
  { text: '0 6 * * MON-FRI' },
  { text: '30 1 1 * *' },
  { text: '30 2 29 * MON' },
  { text: '0 12 31 12 *' },
  { text: '30 1-2 * * sun', dialect: 'celery' },
  { text: '15 22-4 * * fri-mon', dialect: 'celery' },
  { text: '30 */2 */2 * *', dialect: 'taskiq' },
  { text: '*/20 * * * * *' },
  { text: '10,40 30 2 * * *' },
]

const minute = 60_000
const reach = 40 * 3_600_000

interface Shown {
  readonly at: number
  readonly second: number
  readonly minute: number
  readonly hour: number
  readonly day: number
  readonly month: number
  readonly weekday: number
  /** The clocks' reading as one number, to see leaps. */
  readonly reading: number
}

function reader(zone: string): (at: number) => Shown {
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone: zone,
    hourCycle: 'h23',
    dateStyle: 'short',
    timeStyle: 'medium',
  })
  return (at) => {
    const shown = /(\d+)\/(\d+)\/(\d+), (\d+):(\d+):(\d+)/.exec(format.format(at)) ?? []
    const [, day = 0, month = 0, year = 0, hour = 0, min = 0, second = 0] = shown.map(Number)
    const reading = Date.UTC(year, month - 1, day, hour, min, second)
    const weekday = new Date(reading).getUTCDay()
    return { at, second, minute: min, hour, day, month, weekday, reading }
  }
}

/** One field of a line, item by item. `from`: where its steps count from. */
function fits(
  field: string,
  value: number,
  range: { low: number; high: number; from: number },
): boolean {
  const { low, high, from } = range
  const names = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']
  const number = (text: string): number => {
    const name = names.indexOf(text.toLowerCase())
    return name >= 0 ? name : Number(text)
  }
  return field.split(',').some((item) => {
    const [span = '', step = '1'] = item.split('/')
    if (span === '*') return (value - from) % Number(step) === 0
    const [a = '', b = a] = span.split('-')
    const [first, last] = [number(a), number(b)]
    if (first <= last)
      return value >= first && value <= last && (value - first) % Number(step) === 0
    const size = high - low + 1
    return (value >= first || value <= last) && ((value - first + size) % size) % Number(step) === 0
  })
}

function matcher({ text, dialect = 'taskwright' }: Line): (shown: Omit<Shown, 'at'>) => boolean {
  const fields = text.split(' ')
  const [sec = '', min = '', hour = '', day = '', month = '', weekday = ''] =
    fields.length === 6 ? fields : ['0', ...fields]
  const from = (low: number): number => (dialect === 'taskiq' ? 0 : low)
  const and =
    dialect === 'celery' ||
    (dialect === 'taskiq'
      ? day.includes('*') || weekday.includes('*')
      : day === '*' || weekday === '*')
  return (shown) => {
    const dayFits = fits(day, shown.day, { low: 1, high: 31, from: from(1) })
    const weekdayFits = fits(weekday, shown.weekday, { low: 0, high: 6, from: 0 })
    return (
      fits(sec, shown.second, { low: 0, high: 59, from: 0 }) &&
      fits(min, shown.minute, { low: 0, high: 59, from: 0 }) &&
      fits(hour, shown.hour, { low: 0, high: 23, from: 0 }) &&
      fits(month, shown.month, { low: 1, high: 12, from: from(1) }) &&
      (and ? dayFits && weekdayFits : dayFits || weekdayFits)
    )
  }
}

/** The rule, told in another way than in the code: walk real time and look at the clocks. */
function scan(line: Line, walk: readonly Shown[], step: number): number[] {
  const fires = matcher(line)
  const fields = line.text.split(' ')
  const followsRealTime = (fields.length === 6 ? fields[2] : fields[1])?.includes('*') === true
  const found: number[] = []
  let latest = -Infinity
  for (const [i, shown] of walk.entries()) {
    const before = walk[i - 1]
    if (followsRealTime) {
      if (fires(shown)) found.push(shown.at)
      continue
    }
    // Times of day: a reading that was shown before is not one again; what was leapt over comes now.
    let due = false
    if (before !== undefined) {
      for (let missing = before.reading + step; missing < shown.reading; missing += step) {
        due ||= missing > latest && fires(parts(missing))
      }
    }
    if (shown.reading > latest) due ||= fires(shown)
    latest = Math.max(latest, shown.reading)
    if (due) found.push(shown.at)
  }
  return found
}

function parts(reading: number): Omit<Shown, 'at'> {
  const date = new Date(reading)
  return {
    second: date.getUTCSeconds(),
    minute: date.getUTCMinutes(),
    hour: date.getUTCHours(),
    day: date.getUTCDate(),
    month: date.getUTCMonth() + 1,
    weekday: date.getUTCDay(),
    reading,
  }
}

function walkFrom(zone: string, from: number, to: number, step: number): Shown[] {
  const read = reader(zone)
  const walk: Shown[] = []
  for (let at = from; at <= to; at += step) walk.push(read(at))
  return walk
}

describe.each(zones)('in %s', (zone, days) => {
  const walks = days.map((day) => {
    const noon = Date.parse(`${day}T12:00:00Z`)
    // Seconds are looked at nearer to the change: there are sixty times as many.
    return {
      minutes: walkFrom(zone, noon - reach, noon + reach, minute),
      seconds: walkFrom(zone, noon - reach / 2, noon + reach / 2, 10_000),
    }
  })

  it.each(lines)('$text fires by the rule', (line) => {
    const { text, dialect } = line
    const compiled = cronLine(text, zone, dialect)
    for (const { minutes, seconds } of walks) {
      const [walk, step] = text.split(' ').length === 6 ? [seconds, 10_000] : [minutes, minute]
      const [first, last] = [walk[0]?.at ?? 0, walk.at(-1)?.at ?? 0]
      const expected = scan(line, walk, step)
      const found: number[] = []
      // The first look is as far as a scan can be sure of: what was shown before it is not known to it.
      for (let at = compiled.next(first - 1); at !== null && at <= last; at = compiled.next(at)) {
        found.push(at)
      }
      expect(found.map(iso)).toEqual(expected.map(iso))
    }
  })
})

it('the table is not empty: the lines that matter fire in it, also at leaps', () => {
  const paris = cronLine('30 2 * * *', 'Europe/Paris')
  expect(iso(paris.next(Date.parse('2026-03-28T12:00Z')) ?? 0)).toBe('2026-03-29T01:00:00.000Z')
  expect(iso(paris.next(Date.parse('2026-10-24T12:00Z')) ?? 0)).toBe('2026-10-25T00:30:00.000Z')
  expect(iso(paris.next(Date.parse('2026-10-25T00:30Z')) ?? 0)).toBe('2026-10-26T01:30:00.000Z')
  const apia = cronLine('0 5 * * *', 'Pacific/Apia')
  expect(iso(apia.next(Date.parse('2011-12-29T16:00Z')) ?? 0)).toBe('2011-12-30T10:00:00.000Z')
})

function iso(at: number): string {
  return new Date(at).toISOString()
}
