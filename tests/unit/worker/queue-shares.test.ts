import fc from 'fast-check'
import { expect, it } from 'vitest'
import { QueueShares } from '../../../src/worker/queue-shares.ts'

const queues = ['critical', 'default', 'low']
const weights = new Map([
  ['critical', 6],
  ['default', 3],
  ['low', 1],
])

it('deals by weights', () => {
  const shares = new QueueShares({ weights, strict: false })
  expect(shares.deal(queues, 100)).toEqual([60, 30, 10])
})

it('is right over time where there is room for one', () => {
  const shares = new QueueShares({ weights, strict: false })
  const sums = [0, 0, 0]
  let longest = 0
  for (let i = 0, without = 0; i < 100; i++) {
    const dealt = shares.deal(queues, 1)
    dealt.forEach((share, q) => (sums[q] = (sums[q] ?? 0) + share))
    without = dealt[2] === 1 ? 0 : without + 1
    longest = Math.max(longest, without)
  }
  expect(sums).toEqual([60, 30, 10])
  expect(longest).toBeLessThan(10)
})

it('gives all to the first when strict', () => {
  const shares = new QueueShares({ weights: new Map(), strict: true })
  expect(shares.deal(queues, 7)).toEqual([7, 0, 0])
})

it('deals exactly the room, and to none more than a slot beside its part', () => {
  const rooms = fc.array(fc.integer({ min: 1, max: 250 }), { minLength: 1, maxLength: 50 })
  const some = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 6 })
  fc.assert(
    fc.property(some, rooms, (parts, asks) => {
      const names = parts.map((_, i) => `q${i}`)
      const rule = { weights: new Map(parts.map((part, i) => [`q${i}`, part])), strict: false }
      const shares = new QueueShares(rule)
      const total = parts.reduce((sum, part) => sum + part, 0)
      const sums = parts.map(() => 0)
      let all = 0
      for (const room of asks) {
        const dealt = shares.deal(names, room)
        expect(dealt.reduce((sum, share) => sum + share, 0)).toBe(room)
        dealt.forEach((share, i) => (sums[i] = (sums[i] ?? 0) + share))
        all += room
      }
      for (const [i, part] of parts.entries())
        expect(Math.abs((sums[i] ?? 0) - (all * part) / total)).toBeLessThanOrEqual(parts.length)
    }),
  )
})
