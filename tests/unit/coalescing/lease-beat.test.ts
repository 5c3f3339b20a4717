import { describe, expect, it } from 'vitest'
import type { Claim } from '../../../src/core/delivery.ts'
import type { ExtendReport } from '../../../src/core/transport.ts'
import { LeaseBeat } from '../../../src/coalescing/lease-beat.ts'
import { ManualClock } from '../../../src/testing/index.ts'

const claim = (token: number): Claim => ({ id: `id-${token}`, queue: 'default', token })
const nothing: ExtendReport = { lost: [], cancelled: [] }

function beating(extend: (claims: readonly Claim[]) => Promise<ExtendReport>) {
  const clock = new ManualClock()
  const beats = new Int32Array(new SharedArrayBuffer(4))
  const calls: number[][] = []
  const reports: ExtendReport[] = []
  const errors: unknown[] = []
  const beat = new LeaseBeat({
    lease: 30_000,
    every: 10_000,
    stallLimit: 20_000,
    clock,
    beats,
    extend: (claims) => {
      calls.push(claims.map(({ token }) => Number(token)))
      return extend(claims)
    },
    onReport: (report) => reports.push(report),
    onError: (error) => errors.push(error),
  })
  /** Lets time pass while the main loop turns. */
  const live = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 1000) {
      Atomics.add(beats, 0, 1)
      await clock.advance(1000)
    }
  }
  return { clock, beat, calls, reports, errors, live }
}

describe('LeaseBeat', () => {
  it('renews what is held, and not what was forgotten', async () => {
    const { beat, calls, live } = beating(async () => nothing)
    beat.change([claim(1), claim(2)], [])
    await live(10_000)
    beat.change([claim(3)], [1])
    await live(10_000)
    expect(calls).toEqual([
      [1, 2],
      [2, 3],
    ])
    beat.change([], [2, 3])
    await live(30_000)
    expect(calls).toHaveLength(2)
  })

  it('stops beyond the stall limit, and renews at once when the loop turns again', async () => {
    const { beat, calls, clock, live } = beating(async () => nothing)
    beat.change([claim(1)], [])
    await clock.advance(20_000)
    const within = calls.length
    expect(within).toBeGreaterThan(0)
    await clock.advance(100_000)
    expect(calls.length - within).toBeLessThanOrEqual(1)
    const stalled = calls.length
    await live(3_000)
    expect(calls).toHaveLength(stalled + 1)
  })

  it('tells what it learns, forgets what was lost, and goes on after an error', async () => {
    let answer: () => Promise<ExtendReport> = () => Promise.reject(new Error('away'))
    const { beat, calls, reports, errors, live } = beating(() => answer())
    beat.change([claim(1), claim(2)], [])
    await live(10_000)
    expect(errors).toHaveLength(1)
    answer = async () => ({ lost: [claim(1)], cancelled: [{ claim: claim(2), reason: 'no' }] })
    await live(10_000)
    expect(reports).toHaveLength(1)
    answer = async () => nothing
    await live(10_000)
    expect(calls.at(-1)).toEqual([2])
    beat.stop()
    await live(30_000)
    expect(calls).toHaveLength(3)
  })
})
