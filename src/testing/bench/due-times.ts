import type { Clock, Timer } from '../../core/clock.ts'

/**
 * Rings at times at which something may come due. Only hints: whoever is rung looks into the store,
 * which knows.
 */
export class DueTimes {
  readonly #clock: Clock
  readonly #ring: () => void
  /** Wall-clock times, ascending, each once. */
  readonly #times: number[] = []
  #alarm: { readonly at: number; readonly timer: Timer } | undefined

  constructor(clock: Clock, ring: () => void) {
    this.#clock = clock
    this.#ring = ring
  }

  /** Something may come due in so many milliseconds. */
  in(ms: number): void {
    if (!(ms > 0 && ms < Infinity)) return
    const at = this.#clock.now() + ms
    const place = this.#times.findLastIndex((time) => time <= at)
    if (this.#times[place] !== at) this.#times.splice(place + 1, 0, at)
    this.#arm()
  }

  #arm(): void {
    const [first] = this.#times
    if (first === undefined || first === this.#alarm?.at) return
    this.#alarm?.timer.cancel()
    const timer = this.#clock.after(first - this.#clock.now(), () => {
      this.#alarm = undefined
      this.#times.shift()
      this.#arm()
      this.#ring()
    })
    this.#alarm = { at: first, timer }
  }
}
