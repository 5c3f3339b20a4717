import { sleep } from '../core/clock.ts'
import { isTaskwrightError } from '../core/errors.ts'
import type { Surroundings } from '../core/vendor.ts'
import { isRefusal } from '../broker/refusal.ts'

const retryWait = { first: 20, longest: 2000 }

/** What {@link Patience} is made of. */
export interface PatienceOptions {
  readonly surroundings: Surroundings
  /** Nobody waits any longer: the next failure is the answer. */
  readonly giveUp: AbortSignal
  /** Told of every failure. */
  readonly onError: (error: unknown) => void
}

/**
 * Asks a store that fails again, with jittered patience, until it answers or `giveUp` is aborted. Only
 * for calls that are safe to repeat.
 */
export class Patience {
  readonly #options: PatienceOptions

  constructor(options: PatienceOptions) {
    this.#options = options
  }

  /** @throws a refusal at once, as the store's last error once `giveUp` is aborted. */
  async insist<T>(ask: () => Promise<T>): Promise<T> {
    const { surroundings, giveUp, onError } = this.#options
    const { clock, random } = surroundings
    for (let wait = retryWait.first; ; wait = Math.min(wait * 2, retryWait.longest)) {
      try {
        return await ask()
      } catch (error) {
        if (isFinal(error) || giveUp.aborted) throw error
        onError(error)
        await sleep(clock, wait * (0.5 + random.next()), { signal: giveUp })
      }
    }
  }
}

/** A full queue has room again one day; a broker that was stopped does not come back. */
function isFinal(error: unknown): boolean {
  if (isTaskwrightError(error, 'QUEUE_FULL')) return false
  return isRefusal(error) || isTaskwrightError(error, 'NOT_STARTED')
}
