import type {
  Adoption,
  Fire,
  FireAnswer,
  FireLedger,
  FireState,
  Leadership,
} from '../core/fire-ledger.ts'
import type { StoreIdentity } from '../core/store.ts'
import { checkEnvelope } from './send.ts'
import type { SqliteStore } from './sqlite-store.ts'

/**
 * The ledger of a store that its transport has opened. Its clock is this machine's: a SQLite file is shared by
 * processes of one machine only.
 */
export class SqliteLedger implements FireLedger {
  readonly #store: SqliteStore

  constructor(store: SqliteStore) {
    this.#store = store
  }

  get store(): StoreIdentity {
    return this.#store.identity
  }

  async now(): Promise<number> {
    return this.#store.around.clock.now()
  }

  async adopt(plans: readonly Adoption[]): Promise<readonly FireState[]> {
    return this.#store.call('adopt', plans)
  }

  async states(ids: readonly string[]): Promise<readonly (FireState | null)[]> {
    return this.#store.call('fireStates', ids)
  }

  async fire(fires: readonly Fire[]): Promise<readonly FireAnswer[]> {
    for (const { envelope } of fires) if (envelope !== null) checkEnvelope(envelope)
    return this.#store.call('fire', fires)
  }

  async pause(ids: readonly string[], paused: boolean): Promise<readonly string[]> {
    return this.#store.call('pausePlans', { ids, paused })
  }

  async forget(ids: readonly string[]): Promise<void> {
    await this.#store.call('forgetPlans', ids)
  }

  async lead(bid: {
    group: string
    holder: string
    lease: number
    report: string
  }): Promise<Leadership> {
    return this.#store.call('leadGroup', bid)
  }

  async resign(group: string, holder: string): Promise<void> {
    await this.#store.call('resignGroup', { group, holder })
  }

  async leaders(): Promise<readonly Leadership[]> {
    return this.#store.call('groupLeaders', null)
  }
}
