import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isTaskwrightError } from '../../../src/core/errors.ts'
import { duration, milliseconds, type Duration } from '../../../src/core/duration.ts'

function codeOrMilliseconds(text: string): unknown {
  try {
    const read = duration(text)
    return typeof read === 'number' && read >= 0 ? 'a duration' : read
  } catch (error) {
    return isTaskwrightError(error) ? error.code : error
  }
}

describe('milliseconds', () => {
  it.each<[Duration, number]>([
    [0, 0],
    [1_500, 1_500],
    [1.6, 2],
    ['250ms', 250],
    ['30s', 30_000],
    ['1.5s', 1_500],
    ['5m', 300_000],
    ['2h', 7_200_000],
    ['1h30m', 5_400_000],
    ['1h30m15s', 5_415_000],
    ['2m30s', 150_000],
    ['2d', 172_800_000],
    ['1d12h', 129_600_000],
    ['0s', 0],
  ])('reads %s as %d', (value, expected) => {
    expect(milliseconds(value)).toBe(expected)
  })

  it.each([-1, Number.NaN, Infinity, -Infinity])('refuses the number %d', (value) => {
    expect(() => milliseconds(value)).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }))
  })

  it.each([null, undefined, {}, true])('refuses %s from untyped code', (value) => {
    expect(() => milliseconds(value as never)).toThrow('not a duration')
  })
})

describe('duration', () => {
  it.each([
    '',
    ' ',
    '5',
    's',
    '5 s',
    '-5s',
    '5S',
    '1e3s',
    '5m1h',
    '5s5s',
    '1,5s',
    '.5s',
    '5.s',
    'ms',
  ])('refuses %j', (text) => {
    expect(() => duration(text)).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }))
  })

  it('says what it refused, cut short, and what to write', () => {
    expect(() => duration('soon')).toThrow(/'soon'.*'30s'/)
    expect(() => duration('9'.repeat(1_000))).toThrow(/^not a duration: '9{64}'/)
  })

  it('adds up its parts', () => {
    const part = fc.nat({ max: 1_000 })
    fc.assert(
      fc.property(part, part, part, part, part, (d, h, m, s, ms) => {
        const total = d * 86_400_000 + h * 3_600_000 + m * 60_000 + s * 1_000 + ms
        expect(duration(`${d}d${h}h${m}m${s}s${ms}ms`)).toBe(total)
      }),
    )
  })

  it('reads or refuses any text, and never anything but a number of 0 or more', () => {
    const text = fc.oneof(fc.string(), fc.stringMatching(/^[0-9dhms.]{0,12}$/))
    fc.assert(
      fc.property(text, (from) => {
        expect(codeOrMilliseconds(from)).toBeOneOf(['INVALID_INPUT', 'a duration'])
      }),
    )
  })
})
