import type { Locks, Permit, PermitAsk } from '../core/locks.ts'
import type { SqliteStore } from './sqlite-store.ts'

/** The locks of a store that its transport has opened. */
export class SqliteLocks implements Locks {
  readonly #store: SqliteStore

  constructor(store: SqliteStore) {
    this.#store = store
  }

  acquire(key: string, ask: PermitAsk): Promise<Permit | null> {
    return this.#store.call('acquirePermit', { key, ...ask })
  }

  renew(permit: Permit, ms: number): Promise<boolean> {
    return this.#store.call('renewPermit', { permit, ms })
  }

  free(permit: Permit): Promise<boolean> {
    return this.#store.call('freePermit', permit)
  }

  /** The bell tells of no key: whoever waits for any is woken. */
  async onFreed(_key: string, wake: () => void): Promise<() => void> {
    this.#store.listen('locks')
    return this.#store.locks.listen(wake)
  }
}
