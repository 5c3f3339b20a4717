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
  #elapsed = 0
  #wall: number

  /** `start` is the wall-clock time at which it begins: 2030-01-01 in UTC unless said. */
  constructor(start: number = Date.UTC(2030, 0, 1)) {
    this.#wall = start
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

  after(ms: number, run: () => void): Timer {
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
    await settle()
    for (let timer = this.#first(end); timer !== undefined; timer = this.#first(end)) {
      await this.#fire(timer)
    }
    this.#elapsed = Math.max(this.#elapsed, end)
  }

  /**
   * Lets time pass until no timer is set.
   *
   * @throws Error after 10,000 timers: something sets a new one each time (a poll, a heartbeat).
   */
  async runAll(): Promise<void> {
    await settle()
    for (let i = 0; i < mostTimers; i++) {
      const timer = this.#first(Infinity)
      if (timer === undefined) return
      await this.#fire(timer)
    }
    throw new Error(`still ${this.pending} timers after ${mostTimers}: use advance(ms).`)
  }

  async #fire(timer: Planned): Promise<void> {
    this.#timers.delete(timer)
    this.#elapsed = Math.max(this.#elapsed, timer.at)
    timer.run()
    await settle()
  }

  #first(end: number): Planned | undefined {
    let first: Planned | undefined
    for (const timer of this.#timers) {
      if (timer.at <= end && (first === undefined || timer.at < first.at)) first = timer
    }
    return first
  }
}

async function settle(): Promise<void> {
  for (let i = 0; i < settlingTurns; i++) await Promise.resolve()
}
