import type { Clock } from '../core/clock.ts'
import type {
  Adoption,
  Fire,
  FireAnswer,
  FireLedger,
  FireState,
  Leadership,
} from '../core/fire-ledger.ts'
import type { StoreIdentity } from '../core/store.ts'
import type { MemoryStore } from './memory-store.ts'

/** The ledger of a memory store: its clock is the caller's, for there is no other. */
export class MemoryLedger implements FireLedger {
  readonly store: StoreIdentity
  readonly #store: MemoryStore
  readonly #clock: Clock

  constructor(store: MemoryStore, clock: Clock) {
    this.store = store.identity
    this.#store = store
    this.#clock = clock
  }

  async now(): Promise<number> {
    return this.#clock.now()
  }

  async adopt(plans: readonly Adoption[]): Promise<readonly FireState[]> {
    return this.#store.fires.adopt(plans, this.#clock.now())
  }

  async states(ids: readonly string[]): Promise<readonly (FireState | null)[]> {
    return ids.map((id) => this.#store.fires.state(id))
  }

  async fire(fires: readonly Fire[]): Promise<readonly FireAnswer[]> {
    return this.#store.fire(fires, this.#clock.now())
  }

  async pause(ids: readonly string[], paused: boolean): Promise<readonly string[]> {
    return this.#store.fires.pause(ids, paused, this.#clock.now())
  }

  async forget(ids: readonly string[]): Promise<void> {
    this.#store.fires.forget(ids, this.#clock.now())
  }

  async lead(bid: {
    group: string
    holder: string
    lease: number
    report: string
  }): Promise<Leadership> {
    return this.#store.fires.lead(bid, this.#clock.now())
  }

  async resign(group: string, holder: string): Promise<void> {
    this.#store.fires.resign(group, holder, this.#clock.now())
  }

  async leaders(): Promise<readonly Leadership[]> {
    return this.#store.fires.leaders(this.#clock.now())
  }
}
