import type { Clock } from '../../../src/core/clock.ts'

/** A clock that stands still until it is moved. */
export interface FakeClock extends Clock {
  /** Moves time and runs what is due, in order. */
  advance(ms: number): void
  readonly pending: number
}

export function fakeClock(): FakeClock {
  let time = 0
  const timers = new Set<{ at: number; run: () => void }>()
  return {
    now: () => time,
    monotonic: () => time,
    after(ms, run) {
      const timer = { at: time + ms, run }
      timers.add(timer)
      return { cancel: () => void timers.delete(timer) }
    },
    advance(ms) {
      const end = time + ms
      for (;;) {
        const [next] = [...timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)
        if (next === undefined) break
        timers.delete(next)
        time = next.at
        next.run()
      }
      time = end
    },
    get pending() {
      return timers.size
    },
  }
}
