/** Mutual exclusion and limits over a fleet. Holders that die are timed out by the store. */
export interface Locks {
  /** Takes one of `limit` permits of `key` for `ms`; `null` when none is free. */
  acquire(
    key: string,
    options: { holder: string; limit: number; ms: number },
  ): Promise<{ readonly permit: string } | null>
  /** Renews a permit; `false` when it was lost. */
  renew(permit: string, ms: number): Promise<boolean>
  /** Gives a permit back; idempotent. */
  free(permit: string): Promise<void>
  /** Claims a unique key for a message id; the id that holds it, ours or another's. */
  claimKey(key: string, options: { id: string; ms: number }): Promise<string>
}
