/**
 * Wakes those of this process who wait for something in the store. A ring is a hint: whoever is woken
 * looks, and whoever begins to wait compares the stamp with the one that he saw before he looked, so
 * that a ring between looking and waiting is not lost.
 */
export class SignalBell {
  readonly #waiting = new Set<() => void>()
  #stamp = 0

  /** Grows with each ring. */
  get stamp(): number {
    return this.#stamp
  }

  /** How many wait. */
  get size(): number {
    return this.#waiting.size
  }

  /** Wakes all who wait. */
  ring(): void {
    this.#stamp++
    for (const wake of [...this.#waiting]) wake()
  }

  /** Calls `wake` at each ring; returns what ends it. */
  listen(wake: () => void): () => void {
    this.#waiting.add(wake)
    return () => this.#waiting.delete(wake)
  }
}
