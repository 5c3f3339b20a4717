import { describe, expect, it, vi } from 'vitest'
import { ResultWaiters } from '../../../src/coalescing/result-waiters.ts'
import type { Body } from '../../../src/core/message.ts'
import { ManualClock } from '../../../src/testing/manual-clock.ts'

function setUp() {
  const clock = new ManualClock()
  const stored = new Map<string, Body>()
  const asked: (readonly string[])[] = []
  let broken = false
  let gate: Promise<void> | undefined
  const waiters = new ResultWaiters({
    clock,
    poll: { first: 100, longest: 400 },
    get: async (ids) => {
      asked.push(ids)
      const answer = ids.map((id) => stored.get(id) ?? null)
      await gate
      if (broken) throw new Error('the store is away')
      return answer
    },
  })
  return {
    clock,
    stored,
    asked,
    waiters,
    breakStore: (now: boolean) => (broken = now),
    holdReads: () => {
      let open = (): void => {}
      gate = new Promise((resolve) => (open = resolve))
      return () => {
        gate = undefined
        open()
      }
    },
  }
}

const never = new AbortController().signal

describe('ResultWaiters', () => {
  it('looks at once for whoever asks late', async () => {
    const { clock, stored, waiters } = setUp()
    stored.set('a', 'result')
    expect(await waiters.wait('a', never)).toBe('result')
    expect([waiters.ids(), clock.pending]).toEqual([[], 0])
  })

  it('resolves all waits of an id with what is pushed', async () => {
    const { clock, waiters } = setUp()
    const waits = [waiters.wait('a', never), waiters.wait('a', never), waiters.wait('b', never)]
    await clock.advance(1)
    waiters.arrived('unknown', 'x')
    waiters.arrived('a', 'pushed')
    expect(await Promise.all(waits.slice(0, 2))).toEqual(['pushed', 'pushed'])
    expect(waiters.ids()).toEqual(['b'])
    waiters.arrived('b', '')
    expect(await waits[2]).toBe('')
    expect(clock.pending).toBe(0)
  })

  it('reads the id of a new wait only, and all of them when it polls or is told to look', async () => {
    const { clock, asked, waiters } = setUp()
    const waits = [waiters.wait('a', never)]
    await clock.advance(10)
    waits.push(waiters.wait('b', never))
    await clock.advance(10)
    expect(asked).toEqual([['a'], ['b']])
    waiters.look()
    await clock.advance(10)
    expect(asked.at(-1)).toEqual(['a', 'b'])
    await clock.advance(100)
    expect(asked.length).toBe(4)
    expect(asked.at(-1)).toEqual(['a', 'b'])
    for (const id of ['a', 'b']) waiters.arrived(id, id)
    await Promise.all(waits)
  })

  it('polls at growing distances, and begins anew with each new wait', async () => {
    const { clock, asked, waiters } = setUp()
    const waits = [waiters.wait('a', never)]
    const polls = async (ms: number): Promise<number> => {
      asked.length = 0
      await clock.advance(ms)
      return asked.length
    }
    expect(await polls(99)).toBe(0)
    expect(await polls(1)).toBe(1)
    expect(await polls(200)).toBe(1)
    expect(await polls(1_200)).toBe(3)
    waits.push(waiters.wait('b', never))
    expect(await polls(300)).toBe(2)
    for (const id of ['a', 'b']) waiters.arrived(id, id)
    await Promise.all(waits)
    expect(clock.pending).toBe(0)
  })

  it('goes on polling while new waits come faster than it polls', async () => {
    const { clock, stored, waiters } = setUp()
    const first = waiters.wait('first', never)
    const others: Promise<Body>[] = []
    await clock.advance(10)
    stored.set('first', 'found')
    for (let i = 0; i < 12; i++) {
      others.push(waiters.wait(`other ${i}`, never))
      await clock.advance(10)
    }
    expect(await first).toBe('found')
    for (const id of waiters.ids()) waiters.arrived(id, id)
    await Promise.all(others)
  })

  it('makes one more read of all that is asked for while one is under way', async () => {
    const { clock, stored, asked, waiters, holdReads } = setUp()
    const open = holdReads()
    const waits = [waiters.wait('a', never)]
    waits.push(waiters.wait('b', never), waiters.wait('c', never))
    stored.set('a', 'A').set('b', 'B').set('c', 'C')
    waiters.look()
    waiters.look()
    open()
    expect(await Promise.all(waits)).toEqual(['A', 'B', 'C'])
    expect(asked).toEqual([['a'], ['a', 'b', 'c']])
    expect(clock.pending).toBe(0)
  })

  it('reads many ids in pages', async () => {
    const { stored, asked, waiters } = setUp()
    const ids = Array.from({ length: 1_200 }, (_, i) => `id ${i}`)
    for (const id of ids) stored.set(id, id)
    expect(await Promise.all(ids.map((id) => waiters.wait(id, never)))).toEqual(ids)
    expect(asked.map((page) => page.length)).toEqual([1, 500, 500, 199])
  })

  it('survives a store that is away', async () => {
    const { clock, stored, waiters, breakStore } = setUp()
    breakStore(true)
    const wait = waiters.wait('a', never)
    await clock.advance(150)
    stored.set('a', 'result')
    breakStore(false)
    await clock.advance(200)
    expect(await wait).toBe('result')
  })

  it('rejects with the reason of the signal, also one that was aborted before', async () => {
    const { clock, waiters } = setUp()
    const stop = new AbortController()
    const waits = ['a', 'a', 'b'].map((id) => waiters.wait(id, stop.signal))
    const kept = waiters.wait('a', never)
    await clock.advance(1)
    stop.abort('no patience')
    for (const wait of waits) await expect(wait).rejects.toBe('no patience')
    await expect(waiters.wait('c', stop.signal)).rejects.toBe('no patience')
    expect(waiters.ids()).toEqual(['a'])
    waiters.arrived('a', 'result')
    expect(await kept).toBe('result')
    expect(clock.pending).toBe(0)
  })

  it('asks a signal once, however many waits it ends', async () => {
    const { waiters } = setUp()
    const stop = new AbortController()
    let listening = 0
    const count = (by: number) => () => void (listening += by)
    vi.spyOn(stop.signal, 'addEventListener').mockImplementation(count(1))
    vi.spyOn(stop.signal, 'removeEventListener').mockImplementation(count(-1))
    const waits = Array.from({ length: 20 }, (_, i) => waiters.wait(`${i}`, stop.signal))
    expect(listening).toBe(1)
    for (const id of waiters.ids()) waiters.arrived(id, id)
    await Promise.all(waits)
    expect(listening).toBe(0)
  })

  it('rejects every wait when it is closed', async () => {
    const { clock, waiters } = setUp()
    const waits = [waiters.wait('a', never), waiters.wait('b', never)]
    waiters.close()
    for (const wait of waits) await expect(wait).rejects.toMatchObject({ code: 'NOT_STARTED' })
    await clock.advance(1)
    expect([waiters.ids(), clock.pending]).toEqual([[], 0])
  })
})
