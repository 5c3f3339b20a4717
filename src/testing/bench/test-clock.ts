import type { Clock, Timer } from '../../core/clock.ts'
import { milliseconds, type Duration } from '../../core/duration.ts'
import { ManualClock } from '../manual-clock.ts'

/** The clock of a test: it stands still until it is told to move. May be handed to code under test. */
export interface TestClock extends Clock {
  readonly virtual: true
  /**
   * Lets so much time pass. Everything that comes due on the way happens, in its order and at its
   * time, and the work that follows from it is done before time goes on. A handler that waits for
   * something else than promises holds time up for a moment only (see `TestBrokerOptions.patience`).
   */
  advance(by: Duration): Promise<void>
}

/** The {@link TestClock} with what the kit needs of it. */
export class VirtualClock implements TestClock {
  readonly virtual = true
  readonly #manual: ManualClock
  readonly #onRest: () => void
  #moving = 0
  /** Two calls at once would tear time apart. */
  #turn: Promise<void> = Promise.resolve()

  /**
   * `settle` waits until nothing goes on any more unless time passes; `onRest` is called when time
   * stands still again.
   */
  constructor(start: number | undefined, on: { settle: () => Promise<void>; onRest: () => void }) {
    this.#manual = new ManualClock(start, on.settle)
    this.#onRest = on.onRest
  }

  now(): number {
    return this.#manual.now()
  }

  monotonic(): number {
    return this.#manual.monotonic()
  }

  /** In whole milliseconds, as real timers do: jitter must not make times of fractions. */
  after(ms: number, run: () => void): Timer {
    return this.#manual.after(Math.ceil(ms), run)
  }

  /** Whether somebody lets time pass now. */
  get moving(): boolean {
    return this.#moving > 0
  }

  /** Milliseconds until the first timer; `Infinity` when none is set. */
  get untilNext(): number {
    return this.#manual.next - this.#manual.monotonic()
  }

  advance(by: Duration): Promise<void> {
    const ms = milliseconds(by)
    return this.#exclusive(() => this.#manual.advance(ms))
  }

  /** Moves to the first timer and runs it; false when there is none. */
  step(): boolean {
    return this.#manual.fire()
  }

  /** Runs the timers that are due already; false when there was none. */
  catchUp(): boolean {
    let ran = false
    while (this.#manual.fire(this.#manual.monotonic())) ran = true
    return ran
  }

  /** Lets `work` move the clock, and nobody else meanwhile. */
  async exclusively(work: () => Promise<void>): Promise<void> {
    await this.#exclusive(work)
  }

  #exclusive(work: () => Promise<void>): Promise<void> {
    const moved = this.#turn.then(async () => {
      this.#moving++
      try {
        await work()
      } finally {
        this.#moving--
        this.#onRest()
      }
    })
    this.#turn = moved.catch(() => {})
    return moved
  }
}

/** The clock of one worker: its timers die with it. */
export class WorkerClock implements Clock {
  readonly virtual = true
  readonly #inner: Clock
  readonly #timers = new Set<Timer>()
  #dead = false

  constructor(inner: Clock) {
    this.#inner = inner
  }

  now(): number {
    return this.#inner.now()
  }

  monotonic(): number {
    return this.#inner.monotonic()
  }

  after(ms: number, run: () => void): Timer {
    if (this.#dead) return { cancel: () => {} }
    const inner = this.#inner.after(ms, () => {
      this.#timers.delete(timer)
      run()
    })
    const timer = {
      cancel: () => {
        this.#timers.delete(timer)
        inner.cancel()
      },
    }
    this.#timers.add(timer)
    return timer
  }

  /** Nothing of its owner happens any more. */
  die(): void {
    this.#dead = true
    for (const timer of this.#timers) timer.cancel()
  }
}
