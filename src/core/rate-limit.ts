import type { Duration } from './duration.ts'

/** A rate by its name, over all processes on this store. */
export interface RateLimit {
  readonly name: string
  /**
   * Waits until `cost` may go; resolves with how many milliseconds that took. What is waited for is taken:
   * who asks first goes first.
   *
   * @throws RateLimitedError when that would take longer than `wait`: nothing is taken.
   * @throws the reason of the run's signal when it aborts meanwhile.
   */
  acquire(cost?: number, options?: { readonly wait?: Duration | undefined }): Promise<number>
  /**
   * Tells everybody what the other side said: nothing more goes before then. Takes the value of a
   * `Retry-After` header as it is (seconds, or a date), or a Date.
   */
  holdOff(retryAfter: string | number | Date): Promise<void>
}

/** How much may go in which time, as users write it. */
export interface RateOptions {
  /** Default `'bucket'`, a token bucket; `'fixed'` windows; `'sliding'`: exact over any span, at most 10,000. */
  readonly kind?: 'bucket' | 'fixed' | 'sliding' | undefined
  readonly limit: number
  readonly per: Duration
  /** What a bucket holds at most. Default: `limit`. */
  readonly burst?: number | undefined
}
