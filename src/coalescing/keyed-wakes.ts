/** Who waits for which key, in this process. */
export class KeyedWakes {
  readonly #keys = new Map<string, Set<() => void>>()

  /** How many keys are waited for. */
  get size(): number {
    return this.#keys.size
  }

  /** Calls `wake` at each ring of the key; returns what ends it. */
  listen(key: string, wake: () => void): () => void {
    const own = (): void => wake()
    const waiting = this.#keys.get(key) ?? new Set()
    this.#keys.set(key, waiting.add(own))
    return () => {
      waiting.delete(own)
      if (waiting.size === 0 && this.#keys.get(key) === waiting) this.#keys.delete(key)
    }
  }

  /** Wakes all who wait for the key. */
  ring(key: string): void {
    for (const wake of [...(this.#keys.get(key) ?? [])]) wake()
  }
}
