import { describe, expect, it } from 'vitest'
import { loopLeaseKeeper } from '../../../src/coalescing/loop-lease-keeper.ts'
import type { Claim } from '../../../src/core/delivery.ts'
import type { ExtendReport } from '../../../src/core/transport.ts'
import { ManualClock } from '../../../src/testing/manual-clock.ts'

function claim(token: number): Claim {
  return { id: `message ${token}`, queue: 'queue', token }
}

function setUp() {
  const clock = new ManualClock()
  const beats: { claims: readonly Claim[]; lease: number }[] = []
  const told: unknown[] = []
  let answer: () => ExtendReport | Promise<ExtendReport> = () => ({ lost: [], cancelled: [] })
  const keeper = loopLeaseKeeper(
    async (claims, lease) => {
      beats.push({ claims, lease })
      return answer()
    },
    clock,
    {
      lease: 300,
      every: 100,
      stallLimit: 1_000,
      onLost: (claims) => told.push(['lost', ...claims.map(({ token }) => token)]),
      onCancelled: ({ token }, reason) => told.push(['cancelled', token, reason]),
      onError: (error) => told.push(['error', String(error)]),
    },
  )
  const answerWith = (next: typeof answer): void => {
    answer = next
  }
  return { clock, beats, told, keeper, answerWith }
}

describe('loopLeaseKeeper', () => {
  it('renews everything that it holds in one call for each beat', async () => {
    const { clock, beats, told, keeper } = setUp()
    keeper.keep([claim(1), claim(2)])
    keeper.keep([claim(3)])
    await clock.advance(99)
    expect(beats).toEqual([])
    await clock.advance(201)
    expect(beats).toEqual(Array(3).fill({ claims: [1, 2, 3].map(claim), lease: 300 }))
    expect(told).toEqual([])
    await keeper.stop()
  })

  it('sets no timer while it holds nothing', async () => {
    const { clock, beats, keeper } = setUp()
    keeper.keep([])
    expect(clock.pending).toBe(0)
    keeper.keep([claim(1)])
    keeper.forget([claim(1)])
    await clock.advance(1_000)
    expect([beats.length, clock.pending]).toEqual([0, 0])
    keeper.keep([claim(2)])
    await clock.advance(100)
    expect(beats.length).toBe(1)
  })

  it('forgets lost claims and tells of them once', async () => {
    const { clock, beats, told, keeper, answerWith } = setUp()
    keeper.keep([claim(1), claim(2)])
    answerWith(() => ({ lost: [claim(1)], cancelled: [] }))
    await clock.advance(200)
    expect(told).toEqual([['lost', 1]])
    expect(beats[1]?.claims).toEqual([claim(2)])
  })

  it('tells of a cancellation once, whether it is pushed or found by a beat', async () => {
    const { clock, told, keeper, answerWith } = setUp()
    keeper.keep([claim(1), claim(2)])
    answerWith(() => ({
      lost: [],
      cancelled: [1, 2, 3].map((token) => ({ claim: claim(token), reason: 'found' })),
    }))
    keeper.cancelled(claim(1), 'pushed')
    keeper.keep([claim(1)])
    await clock.advance(300)
    expect(told).toEqual([
      ['cancelled', 1, 'pushed'],
      ['cancelled', 2, 'found'],
    ])
  })

  it('says nothing of claims that were forgotten while the store answered', async () => {
    const { clock, told, keeper, answerWith } = setUp()
    let end = (): void => {}
    const held = new Promise<void>((resolve) => (end = resolve))
    answerWith(async () => {
      await held
      return { lost: [claim(1)], cancelled: [{ claim: claim(2), reason: 'found' }] }
    })
    keeper.keep([claim(1), claim(2)])
    await clock.advance(100)
    keeper.forget([claim(1), claim(2)])
    end()
    await clock.advance(1)
    expect(told).toEqual([])
  })

  it('never has two beats under way, and goes on after a slow one', async () => {
    const { clock, beats, keeper, answerWith } = setUp()
    let end = (): void => {}
    const held = new Promise<void>((resolve) => (end = resolve))
    answerWith(() => held.then(() => ({ lost: [], cancelled: [] })))
    keeper.keep([claim(1)])
    await clock.advance(100)
    keeper.keep([claim(2)])
    await clock.advance(500)
    expect(beats.length).toBe(1)
    end()
    await clock.advance(100)
    expect(beats.map(({ claims }) => claims.length)).toEqual([1, 2])
  })

  it('reports a beat that failed and tries again at the next', async () => {
    const { clock, beats, told, keeper, answerWith } = setUp()
    answerWith(() => Promise.reject(new Error('away')))
    keeper.keep([claim(1)])
    await clock.advance(200)
    expect(told).toEqual(Array(2).fill(['error', 'Error: away']))
    answerWith(() => ({ lost: [], cancelled: [] }))
    await clock.advance(100)
    expect([beats.length, told.length]).toEqual([3, 2])
  })

  it('stops for good, also in the middle of a beat', async () => {
    const { clock, beats, told, keeper, answerWith } = setUp()
    let end = (): void => {}
    const held = new Promise<void>((resolve) => (end = resolve))
    answerWith(async () => {
      await held
      throw new Error('the store was closed')
    })
    keeper.keep([claim(1)])
    await clock.advance(100)
    const stopped = keeper.stop()
    keeper.keep([claim(2)])
    end()
    await stopped
    await keeper.stop()
    await clock.advance(1_000)
    expect([beats.length, told, clock.pending]).toEqual([1, [], 0])
  })
})
