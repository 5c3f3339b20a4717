import type { Random } from '../core/random.ts'

/** A child that lived this long was healthy: the next death is a first one again. */
export const healthyAfter = 30_000
/** Children that die one after the other, for the same reason, before they are ready. */
export const mostFailedStarts = 5

const first = 200
const longest = 30_000

/**
 * Milliseconds before the `death`-th start in a row: doubled each time up to half a minute, and spread
 * by half, so that many workers that lost the same store do not come back as one.
 */
export function restartDelay(death: number, random: Random): number {
  const most = Math.min(longest, first * 2 ** Math.min(death - 1, 20))
  return Math.round(most * (0.5 + random.next() / 2))
}

/** Counts starts that failed in a row for one reason, over all children. */
export class FailedStarts {
  #reason = ''
  #count = 0

  /** Notes one; true when it is not worth going on. */
  add(reason: string): boolean {
    this.#count = reason === this.#reason ? this.#count + 1 : 1
    this.#reason = reason
    return this.#count >= mostFailedStarts
  }

  /** A child became ready. */
  clear(): void {
    this.#count = 0
  }
}
