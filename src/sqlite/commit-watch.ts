/**
 * Waits for the end of a user's transaction, to wake workers then.
 *
 * SQLite offers no hook for a COMMIT that all libraries share, so the handle is asked whether its
 * transaction is still open: after 1 ms, 2 ms, 4 ms … of the loop, for a second at most; the poll of
 * the workers is behind it. Whether it was committed or rolled back does not matter: a ring is a hint.
 */
import type { Clock } from '../core/clock.ts'
import { inTransaction, type SqliteHandle } from './sql-driver.ts'

const longest = 512

/** See the top of the file. */
export class CommitWatch {
  readonly #clock: Clock
  readonly #onEnd: () => void
  readonly #watched = new WeakSet<SqliteHandle>()

  /** `onEnd` is called once for each transaction that was watched and has ended in time. */
  constructor(clock: Clock, onEnd: () => void) {
    this.#clock = clock
    this.#onEnd = onEnd
  }

  /** Watches the transaction that is open on this handle. */
  watch(handle: SqliteHandle): void {
    if (this.#watched.has(handle)) return
    this.#watched.add(handle)
    this.#again(handle, 1)
  }

  #again(handle: SqliteHandle, ms: number): void {
    const look = (): void => {
      if (!isOpen(handle)) {
        this.#watched.delete(handle)
        this.#onEnd()
      } else if (ms < longest) this.#again(handle, ms * 2)
      else this.#watched.delete(handle)
    }
    this.#clock.after(ms, look, { background: true })
  }
}

function isOpen(handle: SqliteHandle): boolean {
  try {
    return inTransaction(handle)
  } catch {
    // It was closed, and its transaction with it.
    return false
  }
}
