import { atEndOfTurn, systemClock, type Clock } from '../../core/clock.ts'

/** Milliseconds for which an answer is awaited awake: several times what a server on the same machine needs. */
const longestWait = 0.3
/** At most so many waits are slept through before the next one is tried awake. */
const mostSlept = 1024

/**
 * Awaits an answer that is due at once without going to sleep. To sleep until it comes, and to be woken, costs
 * more than the answer: another core has to be told, and what this one had in its caches is gone. The event loop
 * turns instead, doing whatever else there is to do, until something has come or 0.3 ms are over.
 *
 * Where answers take longer (a server far away, a core that both share) that would be time lost: after each
 * wait in vain twice as many of the next ones are slept through, and half as many after one that was worth it.
 * An idle process never waits so: only who has asked for what is there begins.
 */
export class WakefulWait {
  readonly #clock: Clock
  #waits = false
  #turning = false
  #until = 0
  /** So many waits are slept through before the next one that is not, and so many of them were. */
  #sleeps = 0
  #slept = 0

  constructor(clock: Clock = systemClock) {
    this.#clock = clock
  }

  /** Something was asked that is answered at once. May be called again before it was answered. */
  begin(): void {
    if (this.#slept < this.#sleeps) {
      this.#slept++
      return
    }
    this.#slept = 0
    this.#waits = true
    this.#until = this.#clock.monotonic() + longestWait
    if (this.#turning) return
    this.#turning = true
    atEndOfTurn(this.#turn)
  }

  /** Something has come. May be called at any time. */
  end(): void {
    if (!this.#waits) return
    this.#waits = false
    this.#sleeps >>= 1
  }

  readonly #turn = (): void => {
    if (this.#waits && this.#clock.monotonic() < this.#until) return atEndOfTurn(this.#turn)
    if (this.#waits) this.#sleeps = Math.min(mostSlept, this.#sleeps * 2 + 1)
    this.#waits = false
    this.#turning = false
  }
}
