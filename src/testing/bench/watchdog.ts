import { systemClock, type Timer } from '../../core/clock.ts'
import type { Activity } from './activity.ts'

/** Looks in a span that a wait must outlast. */
const looks = 4

/** Tells waits in real time that nothing has happened for too long, so that a hang becomes an error. */
export class Watchdog {
  readonly #activity: Activity
  readonly #giveUpAfter: number
  /** Whether something is under way that needs no watching. */
  readonly #busy: () => boolean
  readonly #watched = new Set<() => void>()
  #timer: Timer | undefined
  #still = 0
  #stamp = 0

  constructor(activity: Activity, giveUpAfter: number, busy: () => boolean) {
    this.#activity = activity
    this.#giveUpAfter = giveUpAfter
    this.#busy = busy
  }

  /** Calls `onStall` once, when nothing happens for the whole span; returns what ends the watch. */
  watch(onStall: () => void): () => void {
    const tell = (): void => {
      stop()
      onStall()
    }
    const stop = (): void => {
      this.#watched.delete(tell)
      if (this.#watched.size > 0) return
      this.#timer?.cancel()
      this.#timer = undefined
    }
    this.#watched.add(tell)
    this.#still = 0
    this.#timer ??= this.#look()
    return stop
  }

  #look(): Timer {
    this.#stamp = this.#activity.stamp
    return systemClock.after(this.#giveUpAfter / looks, () => {
      const moved = this.#activity.stamp !== this.#stamp || this.#busy()
      this.#still = moved ? 0 : this.#still + 1
      if (this.#still >= looks) for (const tell of [...this.#watched]) tell()
      this.#timer = this.#watched.size > 0 ? this.#look() : undefined
    })
  }
}
