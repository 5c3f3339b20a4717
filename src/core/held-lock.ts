import type { Duration } from './duration.ts'

/** How a lock is taken. */
export interface LockOptions {
  /**
   * How long it is held without a sign of life. Default `'30s'`. It is extended every third of it while
   * the event loop turns; a process that dies or hangs gives it up after this time.
   */
  readonly ttl?: Duration | undefined
  /** How long to wait while others hold it. Default: as long as it takes; 0 only tries. */
  readonly wait?: Duration | undefined
  /** How many may hold it at once: above 1 it is a semaphore. All who use the key must name the same. Default 1. */
  readonly limit?: number | undefined
}

/** A lock in our hands. */
export interface HeldLock extends AsyncDisposable {
  readonly key: string
  /**
   * The fencing token: it grows with every hold. Hand it to what the lock protects, which refuses a
   * smaller one than it has seen; no lock that ends by time is safe without.
   */
  readonly token: number
  /** Aborts when the hold was lost; `reason` is a `LockLostError`. */
  readonly signal: AbortSignal
  /**
   * Holds it for the `ttl`, or this time, from now.
   * @throws LockLostError when it is not held any more.
   */
  extend(ttl?: Duration): Promise<void>
  /** Gives it back; whether it was still held. Idempotent. */
  release(): Promise<boolean>
}
