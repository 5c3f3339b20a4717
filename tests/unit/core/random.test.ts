import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seededRandom, systemRandom } from '../../../src/core/random.ts'

describe.each([
  ['systemRandom', systemRandom],
  ['seededRandom', seededRandom(7)],
])('%s', (_, random) => {
  it('draws numbers in [0, 1)', () => {
    const drawn = Array.from({ length: 2_000 }, () => random.next())
    expect(drawn.every((number) => number >= 0 && number < 1)).toBe(true)
    const mean = drawn.reduce((sum, number) => sum + number, 0) / drawn.length
    expect(mean).toBeGreaterThan(0.4)
    expect(mean).toBeLessThan(0.6)
  })

  it('draws bytes as two hex digits each', () => {
    fc.assert(
      fc.property(fc.nat({ max: 64 }), (count) => {
        expect(random.hex(count)).toMatch(new RegExp(`^[0-9a-f]{${2 * count}}$`))
      }),
    )
    expect(random.hex(16)).not.toBe(random.hex(16))
    // Small bytes keep their leading zero.
    expect(random.hex(2_000)).toMatch(/^(..)*0[0-9a-f]/)
  })
})

describe('seededRandom', () => {
  it('is repeatable, and another with another seed', () => {
    const draw = (seed: number) => {
      const random = seededRandom(seed)
      return [random.next(), random.hex(8), random.next()]
    }
    expect(draw(1)).toEqual(draw(1))
    expect(draw(1)).not.toEqual(draw(2))
    // Known values: a change would make recorded runs play differently.
    expect(seededRandom(42).next()).toBeCloseTo(0.6011, 4)
  })
})
