import { LockedError, TaskSkippedError } from '../core/errors.ts'
import type { TaskLockOptions } from '../core/context.ts'
import type { HeldLock } from '../core/held-lock.ts'
import { takeLock } from '../broker/take-lock.ts'
import type { BrokerRuntime } from '../broker/runtime.ts'

/** The locks that one run has taken: they are given back with its end, whatever it was. */
export class RunLocks {
  readonly #runtime: BrokerRuntime
  readonly #held = new Set<HeldLock>()

  constructor(runtime: BrokerRuntime) {
    this.#runtime = runtime
  }

  /** @throws LockedError; TaskSkippedError with `ifLocked: 'skip'`. */
  async take(key: string, options: TaskLockOptions, signal: AbortSignal): Promise<HeldLock> {
    const { ifLocked = 'wait', ...rest } = options
    const wait = rest.wait ?? (ifLocked === 'wait' ? undefined : 0)
    try {
      const lock = await takeLock(this.#runtime, key, { ...rest, wait, signal })
      this.#held.add(lock)
      return lock
    } catch (error) {
      if (ifLocked !== 'skip' || !(error instanceof LockedError)) throw error
      throw new TaskSkippedError(`skipped: '${key}' is locked`, { cause: error })
    }
  }

  /** Gives all of them back. What cannot be given back ends by time. */
  async release(): Promise<void> {
    const { logger } = this.#runtime.surroundings
    await Promise.all(
      [...this.#held].map(async (lock) => {
        try {
          await lock.release()
        } catch (error) {
          logger.warn('a lock could not be given back: it ends by time', { key: lock.key, error })
        }
      }),
    )
    this.#held.clear()
  }
}
