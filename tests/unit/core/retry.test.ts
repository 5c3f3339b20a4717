import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seededRandom, type Random } from '../../../src/core/random.ts'
import {
  exponential,
  fixed,
  retryPolicy,
  type Backoff,
  type RetryOptions,
} from '../../../src/core/retry.ts'

const error = new Error('failed')

function always(value: number): Random {
  return { next: () => value, hex: () => '' }
}

function delays(backoff: Backoff, random: Random = always(0.5)): number[] {
  return [1, 2, 3, 4].map((failedRuns) => backoff(failedRuns, { error, random }))
}

describe('fixed', () => {
  it('is the same each time', () => {
    expect(delays(fixed('2s'))).toEqual([2_000, 2_000, 2_000, 2_000])
    expect(delays(fixed(0, { jitter: 1 }))).toEqual([0, 0, 0, 0])
  })

  it('moves by its jitter to both sides', () => {
    expect(delays(fixed('1s', { jitter: 0.2 }), always(0))[0]).toBe(800)
    expect(delays(fixed('1s', { jitter: 0.2 }), always(0.5))[0]).toBe(1_000)
    expect(delays(fixed('1s', { jitter: 0.2 }), always(0.999_999))[0]).toBe(1_200)
  })

  it.each([-0.1, 1.1, Number.NaN])('refuses a jitter of %d', (jitter) => {
    expect(() => fixed('1s', { jitter })).toThrow(
      expect.objectContaining({ code: 'INVALID_INPUT' }),
    )
  })
})

describe('exponential', () => {
  it('doubles up to an hour', () => {
    expect(delays(exponential('1s'))).toEqual([1_000, 2_000, 4_000, 8_000])
    expect(exponential('1s')(30, { error, random: always(0) })).toBe(3_600_000)
    expect(exponential('1s')(5_000, { error, random: always(0) })).toBe(3_600_000)
  })

  it('takes a factor and a longest time', () => {
    expect(delays(exponential('1s', { factor: 3, max: '5s' }))).toEqual([
      1_000, 3_000, 5_000, 5_000,
    ])
    expect(delays(exponential('1s', { factor: 1 }))).toEqual([1_000, 1_000, 1_000, 1_000])
    expect(delays(exponential('10s', { max: '5s' }))[0]).toBe(5_000)
  })

  it('draws between 0 and the full time with jitter', () => {
    const random = seededRandom(3)
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), (failedRuns) => {
        const full = exponential('1s')(failedRuns, { error, random })
        const drawn = exponential('1s', { jitter: true })(failedRuns, { error, random })
        expect(drawn).toBeGreaterThanOrEqual(0)
        expect(drawn).toBeLessThanOrEqual(full)
        expect(Number.isInteger(drawn)).toBe(true)
      }),
    )
  })

  it.each([0.5, 0, -1, Number.NaN])('refuses a factor of %d', (factor) => {
    expect(() => exponential('1s', { factor })).toThrow('a backoff factor is 1 or more')
  })
})

describe('retryPolicy', () => {
  it.each([undefined, false as const, {}])('retries nothing for %j', (options) => {
    const policy = retryPolicy(options)
    expect([policy.max, policy.retries(error)]).toEqual([0, true])
    expect(delays(policy.backoff)[0]).toBe(1_000)
  })

  it('takes a fixed time or a function', () => {
    expect(delays(retryPolicy({ backoff: '5s' }).backoff)[0]).toBe(5_000)
    expect(delays(retryPolicy({ backoff: (runs) => runs * 7 }).backoff)).toEqual([7, 14, 21, 28])
  })

  it.each<[RetryOptions, boolean]>([
    [{}, true],
    [{ only: () => true }, true],
    [{ only: () => false }, false],
    [{ unless: () => true }, false],
    [{ unless: () => false }, true],
    [{ only: () => true, unless: () => true }, false],
  ])('decides by the error (%#)', (choice, expected) => {
    expect(retryPolicy({ max: 3, ...choice }).retries(error)).toBe(expected)
  })

  it.each([-1, 1.5, Number.NaN, Infinity, 'three'])('refuses %s retries', (max) => {
    expect(() => retryPolicy({ max: max as number })).toThrow('retry.max is a whole number')
  })
})
