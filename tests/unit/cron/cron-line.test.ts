import { describe, expect, it } from 'vitest'
import { InvalidInputError } from '../../../src/core/errors.ts'
import type { CronDialect } from '../../../src/core/schedule-line.ts'
import { seededRandom } from '../../../src/core/random.ts'
import { cronLine } from '../../../src/cron/cron-line.ts'

const start = Date.parse('2026-01-01T00:00:00Z')

function next(text: string, dialect: CronDialect, count: number): string[] {
  const line = cronLine(text, 'UTC', dialect)
  const found: string[] = []
  let at: number | null = start - 1
  while (found.length < count && at !== null) {
    at = line.next(at)
    if (at !== null) found.push(new Date(at).toISOString().slice(0, 16))
  }
  return found
}

describe('a cron line', () => {
  it.each<[string, CronDialect, string[]]>([
    ['0 0 L * *', 'taskwright', ['2026-01-31T00:00', '2026-02-28T00:00']],
    ['0 0 15W * *', 'taskwright', ['2026-01-15T00:00', '2026-02-16T00:00']],
    ['0 0 * * FRI#2', 'taskwright', ['2026-01-09T00:00', '2026-02-13T00:00']],
    ['0 0 * * 7', 'taskwright', ['2026-01-04T00:00', '2026-01-11T00:00']],
    ['@weekly', 'taskwright', ['2026-01-04T00:00', '2026-01-11T00:00']],
    ['0 0 13 * FRI', 'taskwright', ['2026-01-02T00:00', '2026-01-09T00:00']],
    ['0 0 13 * fri', 'celery', ['2026-02-13T00:00', '2026-03-13T00:00']],
    ['0 0 */10 * *', 'celery', ['2026-01-01T00:00', '2026-01-11T00:00']],
    ['0 0 */10 * *', 'taskiq', ['2026-01-10T00:00', '2026-01-20T00:00']],
    ['0 22-1 * * *', 'celery', ['2026-01-01T00:00', '2026-01-01T01:00', '2026-01-01T22:00']],
    ['0 0 * feb-mar *', 'celery', ['2026-02-01T00:00', '2026-02-02T00:00']],
    ['0 0 13 * 5', 'taskiq', ['2026-01-02T00:00', '2026-01-09T00:00']],
    ['0 0 */13 * 5', 'taskiq', ['2026-02-13T00:00', '2026-02-26T00:00'].slice(0, 1)],
    ['0 0 * * mon', 'taskiq', ['2026-01-05T00:00', '2026-01-12T00:00']],
  ])('%s of %s', (text, dialect, expected) => {
    expect(next(text, dialect, expected.length)).toEqual(expected)
  })

  it.each<[string, CronDialect, RegExp]>([
    ['*/60 * * * * *', 'taskwright', /every: '60s'/],
    ['*/60 * * * *', 'taskwright', /every: '60m'/],
    ['0 */24 * * *', 'taskwright', /every: '24h'/],
    ['0 0 */31 * *', 'taskwright', /every: '31d'/],
    ['0 0 * */12 *', 'taskwright', /as large as its field/],
    ['*/00 * * * *', 'taskwright', /more than 0/],
    ['0 0 31 2 *', 'taskwright', /never comes round/],
    ['@reboot', 'taskwright', /is not a cron line/],
    ['0 0 * * 7', 'celery', /Sunday is 0/],
    ['*/60 * * * * *', 'celery', /5 fields/],
    ['@daily', 'celery', /no nickname/],
    ['0 0 L * *', 'celery', /not a number/],
    ['0 0 * * mond', 'celery', /not a number or a name/],
    ['5/10 * * * *', 'celery', /step without a range/],
    ['*/0 * * * *', 'celery', /more than 0/],
    ['*/60 * * * * *', 'taskiq', /never fires it/],
    ['0  5 * * *', 'taskiq', /exactly one space/],
    ['@daily', 'taskiq', /5 fields/],
    ['0 0 * jan *', 'taskiq', /not a number/],
    ['5/10 * * * *', 'taskiq', /step without a range/],
    ['0 0 */32 * *', 'taskiq', /fits no value/],
    ['30-10 * * * *', 'taskiq', /goes backwards/],
    ['1-2-3 * * * *', 'taskiq', /not a range/],
    ['*/1/2 * * * *', 'taskiq', /two steps/],
    ['*/x * * * *', 'taskiq', /step that is no number/],
    ['', 'taskiq', /5 fields/],
    ['0 5 * * *', 'quartz' as CronDialect, /`dialect` is/],
    [5 as unknown as string, 'taskwright', /is a text/],
  ])('%s is refused by %s', (text, dialect, why) => {
    expect(() => cronLine(text, 'UTC', dialect)).toThrow(why)
    expect(() => cronLine(text, 'UTC', dialect)).toThrow(InvalidInputError)
  })

  it('forgets old lines, so that lines from data do not fill the memory', () => {
    const first = cronLine('1 1 1 1 *')
    expect(cronLine('1 1 1 1 *')).toBe(first)
    for (let i = 0; i < 8200; i++)
      cronLine(`${i % 60} ${Math.floor(i / 60) % 24} ${1 + Math.floor(i / 1440)} * *`)
    expect(cronLine('1 1 1 1 *')).not.toBe(first)
  })

  it('never hangs or crashes, whatever the text', () => {
    const random = seededRandom(20261127)
    const pick = <T>(from: readonly T[]): T => from[Math.floor(random.next() * from.length)] as T
    const atoms = [
      ...Array.from('0123456789*/,-?LW#@ '),
      ...['59', '60', '31', '29', '*/2', '*/0', '1-5', '5-1', 'JAN', 'sun', 'FRI#5', 'LW', '7L'],
      ...['99999999', '1e3', '\t', '\u0000', 'é', '*/999', '0-59/59', '-1', '2#9', '30W'],
    ]
    const zones = ['UTC', 'Europe/Paris', 'Pacific/Apia', 'Australia/Lord_Howe']
    const backwards: string[] = []
    let read = 0
    let slowest = 0
    for (let i = 0; i < 4000; i++) {
      const fields = Array.from({ length: pick([5, 5, 5, 5, 6, 6, 4]) }, () =>
        random.next() < 0.9
          ? pick(['*', '*/5', '1-3', '2', '1,2'])
          : Array.from({ length: 1 + Math.floor(random.next() * 4) }, () => pick(atoms)).join(''),
      )
      const text = fields.join(pick([' ', ' ', ' ', '  ']))
      const begun = performance.now()
      try {
        const line = cronLine(text, pick(zones), pick(['taskwright', 'celery', 'taskiq'] as const))
        let at: number | null = start
        for (let j = 0; j < 3 && at !== null; j++) {
          const following: number | null = line.next(at)
          if (following !== null && following <= at) backwards.push(text)
          at = following
        }
        read++
      } catch (error) {
        if (!(error instanceof InvalidInputError)) throw error
      }
      slowest = Math.max(slowest, performance.now() - begun)
    }
    expect(backwards).toEqual([])
    expect(read).toBeGreaterThan(200)
    expect(slowest).toBeLessThan(5000)
  })
})
