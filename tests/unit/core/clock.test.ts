import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { sleep, systemClock } from '../../../src/core/clock.ts'
import { ManualClock } from '../../../src/testing/manual-clock.ts'

describe('sleep', () => {
  it('ends after its time', async () => {
    const clock = new ManualClock(0)
    const slept = sleep(clock, 500).then(() => clock.now())
    await clock.advance(499)
    expect(clock.pending).toBe(1)
    await clock.advance(1)
    expect(await slept).toBe(500)
  })

  it('ends at once when the signal aborts, and leaves nothing behind', async () => {
    const clock = new ManualClock()
    const stop = new AbortController()
    const slept = sleep(clock, 500, { signal: stop.signal })
    stop.abort()
    await slept
    expect(clock.pending).toBe(0)
    await sleep(clock, 500, { signal: stop.signal })
    expect(clock.pending).toBe(0)
  })

  it('does not listen any more when it has ended', async () => {
    const clock = new ManualClock()
    const { signal } = new AbortController()
    const removed = vi.spyOn(signal, 'removeEventListener')
    const slept = sleep(clock, 500, { signal })
    await clock.advance(500)
    await slept
    expect(removed).toHaveBeenCalledOnce()
  })
})

describe('systemClock', () => {
  beforeEach(() => void vi.useFakeTimers({ now: 5_000 }))
  afterEach(() => void vi.useRealTimers())

  it('tells the time', () => {
    const before = systemClock.monotonic()
    vi.advanceTimersByTime(70)
    expect(systemClock.now()).toBe(5_070)
    expect(systemClock.monotonic() - before).toBe(70)
  })

  it('calls once after the time, at once for a time that has passed', () => {
    const run = vi.fn()
    systemClock.after(100, run)
    systemClock.after(-100, run)
    vi.advanceTimersByTime(0)
    expect(run).toHaveBeenCalledTimes(1)
    vi.advanceTimersByTime(1_000)
    expect(run).toHaveBeenCalledTimes(2)
  })

  it('keeps to times that are longer than a timer of Node can be', () => {
    const run = vi.fn()
    const days = 86_400_000
    systemClock.after(60 * days, run)
    const cancelled = systemClock.after(60 * days, run)
    vi.advanceTimersByTime(30 * days)
    cancelled.cancel()
    cancelled.cancel()
    vi.advanceTimersByTime(30 * days - 1)
    expect(run).not.toHaveBeenCalled()
    vi.advanceTimersByTime(1)
    expect(run).toHaveBeenCalledTimes(1)
  })
})

describe('systemClock and the process', () => {
  it('lets the process end only when asked to', () => {
    const timers = () =>
      process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
    const before = timers()
    const background = systemClock.after(60_000, () => {}, { background: true })
    expect(timers()).toBe(before)
    const foreground = systemClock.after(60_000, () => {}, { background: false })
    expect(timers()).toBe(before + 1)
    background.cancel()
    foreground.cancel()
  })
})
