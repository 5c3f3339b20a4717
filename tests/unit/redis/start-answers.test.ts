import { beforeEach, describe, expect, it } from 'vitest'
import type { Delivery } from '../../../src/core/delivery.ts'
import { nodeId, type NodePlace } from '../../../src/core/node-id.ts'
import { StartAnswers } from '../../../src/redis/start-answers.ts'

const place = (ord: number): NodePlace => ({ run: '0'.repeat(20), ord, gen: 0 })
const delivery = (ord: number): Delivery => ({
  id: nodeId(place(ord)),
  queue: 'q',
  token: `t${ord}`,
  priority: 4,
  body: '',
  redeliveries: 0,
  enqueuedAt: 0,
})
const answer = { start: true, source: 0 } as const

describe('answers that are known ahead', () => {
  let starts: StartAnswers
  const released = (ord: number, count: number): void =>
    starts.released(nodeId(place(ord)), { count, answer })
  beforeEach(() => {
    starts = new StartAnswers()
  })

  it('are given once, where nothing was taken back from the release to the claim', () => {
    released(1, 7)
    starts.claimed([delivery(1)], { count: 7, at: 0 })
    expect(starts.take(place(1), 1)).toBe(answer)
    expect(starts.take(place(1), 1)).toBeUndefined()
  })

  it.each([
    ['something was taken back', (): void => starts.claimed([delivery(1)], { count: 8, at: 0 })],
    [
      'the count was not asked for',
      (): void => starts.claimed([delivery(1)], { count: undefined, at: 0 }),
    ],
    ['it was not claimed here', (): void => {}],
    [
      'it has waited since it was claimed',
      (): void => starts.claimed([delivery(1)], { count: 7, at: -20 }),
    ],
    [
      'it was claimed again by a look',
      (): void => {
        starts.claimed([delivery(1)], { count: 7, at: 0 })
        starts.claimed([delivery(1)], { count: undefined, at: 0 })
      },
    ],
    [
      'it came with many others',
      (): void =>
        starts.claimed(
          Array.from({ length: 9 }, (_, ord) => delivery(ord)),
          { count: 7, at: 0 },
        ),
    ],
  ])('are not given where %s', (_, claim) => {
    released(1, 7)
    claim()
    expect(starts.take(place(1), 1)).toBeUndefined()
  })

  it('are awaited while a settle is under way that may bring them', () => {
    starts.claimed([delivery(1)], { count: 7, at: 0 })
    expect(starts.isAwaited(place(1))).toBe(false)
    starts.underWay++
    expect(starts.isAwaited(place(1))).toBe(true)
    expect(starts.isAwaited(place(2))).toBe(false)
    released(1, 7)
    expect(starts.take(place(1), 1)).toBe(answer)
  })

  it('are few: the oldest are let go', () => {
    for (let ord = 0; ord < 300; ord++) {
      released(ord, 7)
      starts.claimed([delivery(ord)], { count: 7, at: 0 })
    }
    expect(starts.take(place(43), 1)).toBeUndefined()
    expect(starts.take(place(44), 1)).toBe(answer)
    expect(starts.take(place(299), 1)).toBe(answer)
  })
})
