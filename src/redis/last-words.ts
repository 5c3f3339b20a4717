import { sleep, type Clock } from '../core/clock.ts'

/** Milliseconds for which a store that closes waits for what is of use and not needed. */
const patience = 500

/**
 * Waits for what is of use before an end, and not needed for it: not for long, since on a lost connection
 * each call has its own seconds of patience. How it ends is of no interest.
 */
export async function lastWords(clock: Clock, words: Promise<unknown>): Promise<void> {
  const heard = new AbortController()
  await Promise.race([words.catch(() => {}), sleep(clock, patience, { signal: heard.signal })])
  heard.abort()
}
