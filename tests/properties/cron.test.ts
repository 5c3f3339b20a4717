import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, it } from 'vitest'
import { isTaskwrightError } from '../../src/core/errors.ts'
import type { CronDialect } from '../../src/core/schedule-line.ts'
import { cronLine } from '../../src/cron/cron-line.ts'

const dialects: readonly CronDialect[] = ['taskwright', 'celery', 'taskiq']
const zones = ['UTC', 'America/New_York', 'Australia/Lord_Howe', 'Pacific/Apia']
const moments = [
  0,
  Date.UTC(2024, 1, 29, 12),
  Date.UTC(2026, 2, 29, 1),
  Date.UTC(2099, 11, 31, 23, 59),
]

const number = fc.oneof(fc.nat(70), fc.constantFrom(-1, 366, 2 ** 31, 1e21)).map(String)
const name = fc.constantFrom('mon', 'SUN', 'jan', 'DEC', 'L', 'W', '?', '*', '', '#', 'x')
const atom = fc.oneof(number, name)
const piece = fc.oneof(
  atom,
  fc
    .tuple(atom, fc.constantFrom('-', '/', '#', ',', 'L', 'W', ' '), atom)
    .map((parts) => parts.join('')),
  fc.tuple(atom, atom, atom).map(([from, to, step]) => `${from}-${to}/${step}`),
)
const field = fc.array(piece, { minLength: 1, maxLength: 3 }).map((pieces) => pieces.join(','))
/** Like cron, near to cron, and anything at all. */
const text = fc.oneof(
  fc.array(field, { minLength: 4, maxLength: 7 }).map((fields) => fields.join(' ')),
  fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join('')),
  fc.string({ maxLength: 60, unit: 'grapheme' }),
  fc.constantFrom(
    '@daily',
    '@yearly',
    '@reboot',
    '0 0 31 2 *',
    '0 0 29 2 *',
    '* * * * * *',
    '0 0 * * 1#5',
  ),
)

describe('cron text', () => {
  it('is a line that goes on in time, or is refused, and never searched without end', () => {
    const slowest = 2000
    const property = fc.property(
      text,
      fc.constantFrom(...dialects),
      fc.constantFrom(...zones),
      (line, dialect, zone) => {
        const begun = performance.now()
        try {
          const compiled = cronLine(line, zone, dialect)
          for (const moment of moments) {
            const next = compiled.next(moment)
            assert.ok(next === null || next > moment, `${next} does not lie after ${moment}`)
          }
        } catch (error) {
          if (!isTaskwrightError(error, 'INVALID_INPUT')) throw error
        }
        assert.ok(performance.now() - begun < slowest, `'${line}' took longer than ${slowest} ms`)
      },
    )
    fc.assert(property, { numRuns: 3000 })
  }, 120_000)

  it('of many lines is kept in little memory', () => {
    const lines = Array.from(
      { length: 1440 },
      (_, minute) => `${minute % 60} ${Math.floor(minute / 60)} 3 4 *`,
    )
    const before = process.memoryUsage().heapUsed
    const kept = lines.map((line) => cronLine(line))
    const each = (process.memoryUsage().heapUsed - before) / kept.length
    assert.ok(each < 40_000, `${Math.round(each)} bytes a line`)
  })
})
