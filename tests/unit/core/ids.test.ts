import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isId, timeOrderedIds } from '../../../src/core/ids.ts'
import { seededRandom } from '../../../src/core/random.ts'
import { ManualClock } from '../../../src/testing/manual-clock.ts'

function ascending(ids: readonly string[]): boolean {
  return ids.every((id, i) => i === 0 || (ids[i - 1] ?? '') < id)
}

describe('timeOrderedIds', () => {
  it('makes 32 hex digits: the time, a count, chance', () => {
    const clock = new ManualClock(0x18c_0123_4567)
    const next = timeOrderedIds(clock, seededRandom(1))
    const [first, second] = [next(), next()]
    expect(first).toMatch(/^018c012345670000[0-9a-f]{16}$/)
    expect(second).toMatch(/^018c012345670001[0-9a-f]{16}$/)
    expect(first.slice(16)).not.toBe(second.slice(16))
    expect(isId(first)).toBe(true)
  })

  it('makes as many digits where time begins', () => {
    const next = timeOrderedIds(new ManualClock(0), seededRandom(1))
    expect([next(), next()].map((id) => id.length)).toEqual([32, 32])
  })

  it('is in order and unique, whatever the clock does', () => {
    const steps = fc.array(fc.integer({ min: -5_000, max: 5_000 }), { maxLength: 200 })
    fc.assert(
      fc.property(steps, fc.integer(), (moves, seed) => {
        const clock = new ManualClock()
        const next = timeOrderedIds(clock, seededRandom(seed))
        const ids = moves.flatMap((by) => {
          clock.step(by)
          return [next(), next()]
        })
        expect(ascending(ids)).toBe(true)
        expect(new Set(ids).size).toBe(ids.length)
      }),
    )
  })

  it('goes on with the next millisecond when one is used up', () => {
    const clock = new ManualClock(1_000)
    const next = timeOrderedIds(clock, seededRandom(1))
    const ids = Array.from({ length: 0x10000 + 3 }, () => next())
    expect(ascending(ids)).toBe(true)
    expect(ids.at(-1)?.slice(0, 16)).toBe(`${(1_001).toString(16).padStart(12, '0')}0002`)
    clock.step(1)
    ids.push(next())
    expect(ascending(ids)).toBe(true)
  })

  it('is unique over sources that start in the same millisecond', () => {
    const clock = new ManualClock()
    const sources = [1, 2].map((seed) => timeOrderedIds(clock, seededRandom(seed)))
    const ids = sources.flatMap((next) => Array.from({ length: 500 }, () => next()))
    expect(new Set(ids).size).toBe(1_000)
  })
})

describe('isId', () => {
  it.each(['a', 'A-z_0.9:', 'x'.repeat(128)])('takes %s', (id) => expect(isId(id)).toBe(true))
  it.each(['', 'x'.repeat(129), 'a b', 'ä', 'a\n', 'a/b', 7, null, undefined])('refuses %s', (id) =>
    expect(isId(id)).toBe(false),
  )
})
