import type { Clock, Timer } from '../core/clock.ts'

interface Planned {
  readonly at: number
  readonly run: () => void
}

/** How many steps of a promise chain may follow a timer before the next one runs. */
const settlingTurns = 64

/** The most timers of one {@link ManualClock.runAll}. */
const mostTimers = 10_000

/**
 * A clock that stands still until it is moved by hand, so that tests need no sleeps.
 *
 * `advance` runs the timers that come due, in the order of their times (those of one time in the
 * order in which they were set), and lets promise chains settle after each of them. Chains that
 * wait for real I/O do not settle: a test of an engine with I/O awaits its own events.
 *
 * @example
 * const clock = new ManualClock()
 * const slept = sleep(clock, 5_000)
 * await clock.advance(5_000)
 * await slept
 */
export class ManualClock implements Clock {
  /** In the order in which they were set. */
  readonly #timers = new Set<Planned>()
  readonly #settle: () => Promise<void>
  #elapsed = 0
  #wall: number

  /**
   * `start` is the wall-clock time at which it begins: 2030-01-01 in UTC unless said. `settle` waits
   * after each timer for what follows from it: 64 steps of promise chains unless said.
   */
  constructor(
    start: number = Date.UTC(2030, 0, 1),
    settle: () => Promise<void> = settlePromiseChains,
  ) {
    this.#wall = start
    this.#settle = settle
  }

  /** How many timers are set. */
  get pending(): number {
    return this.#timers.size
  }

  now(): number {
    return this.#wall + this.#elapsed
  }

  monotonic(): number {
    return this.#elapsed
  }

  /** A timer at infinity never runs. */
  after(ms: number, run: () => void): Timer {
    if (ms === Infinity) return { cancel: () => {} }
    const timer: Planned = { at: this.#elapsed + Math.max(0, ms), run }
    this.#timers.add(timer)
    return { cancel: () => void this.#timers.delete(timer) }
  }

  /** Sets the machine's clock: `now()` jumps by so many milliseconds, spans and timers do not. */
  step(by: number): void {
    this.#wall += by
  }

  /** Lets time pass. Timers that are set meanwhile run too when they come due within it. */
  async advance(ms: number): Promise<void> {
    const end = this.#elapsed + ms
    await this.#settle()
    while (this.fire(end)) await this.#settle()
    this.#elapsed = Math.max(this.#elapsed, end)
  }

  /**
   * Lets time pass until no timer is set.
   *
   * @throws Error after 10,000 timers: something sets a new one each time (a poll, a heartbeat).
   */
  async runAll(): Promise<void> {
    await this.#settle()
    for (let i = 0; i < mostTimers; i++) {
      if (!this.fire()) return
      await this.#settle()
    }
    throw new Error(`still ${this.pending} timers after ${mostTimers}: use advance(ms).`)
  }

  /** When the first timer is due, in the milliseconds of `monotonic()`; `Infinity` when none is set. */
  get next(): number {
    return this.#first(Infinity)?.at ?? Infinity
  }

  /**
   * Lets time pass to the first timer that is due by `end` (in the milliseconds of `monotonic()`) and
   * runs it, without waiting for what follows. False when there is none.
   */
  fire(end: number = Infinity): boolean {
    const timer = this.#first(end)
    if (timer === undefined) return false
    this.#timers.delete(timer)
    this.#elapsed = Math.max(this.#elapsed, timer.at)
    timer.run()
    return true
  }

  #first(end: number): Planned | undefined {
    let first: Planned | undefined
    for (const timer of this.#timers) {
      if (timer.at <= end && (first === undefined || timer.at < first.at)) first = timer
    }
    return first
  }
}

async function settlePromiseChains(): Promise<void> {
  for (let i = 0; i < settlingTurns; i++) await Promise.resolve()
}
