/** One of the permits of a key, in the hands of one holder. Plain data: it names the hold, and may travel. */
export interface Permit {
  readonly key: string
  /** Names the hold: a new one for each. */
  readonly holder: string
  /**
   * Grows with every hold that this store has ever given. Whatever the lock protects can refuse a smaller
   * one than it has seen: then a holder that was stopped and woke up too late changes nothing.
   */
  readonly fence: number
}

/** What is asked for. */
export interface PermitAsk {
  readonly holder: string
  /** How many may hold the key at once: 1 is a lock. At least 1. */
  readonly limit: number
  /** Milliseconds for which it is held unless it is renewed. */
  readonly ms: number
}

/**
 * Mutual exclusion over a fleet. Holders that die are timed out by the store, by its own time.
 *
 * Every call is one atomic step and safe to repeat: a holder that asks again for what it holds has its
 * time renewed and keeps its fence.
 */
export interface Locks {
  /** Takes one of `limit` permits of a key; `null` when none is free. */
  acquire(key: string, ask: PermitAsk): Promise<Permit | null>
  /** Holds it for `ms` milliseconds from now; `false` when it is not held any more, and nothing was written. */
  renew(permit: Permit, ms: number): Promise<boolean>
  /** Gives it back; whether it was still held. Idempotent. */
  free(permit: Permit): Promise<boolean>
  /**
   * Calls `wake` when a permit of the key was given back, by whatever process; returns what ends it. A hint:
   * it may come for nothing, and not at all, and never for a hold that ended by time. Whoever begins to listen
   * asks once more before he waits.
   */
  onFreed(key: string, wake: () => void): Promise<() => void>
}
