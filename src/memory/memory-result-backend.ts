import { ResultWaiters } from '../coalescing/result-waiters.ts'
import type { Clock } from '../core/clock.ts'
import type { Claim } from '../core/delivery.ts'
import { NotStartedError } from '../core/errors.ts'
import type { Body } from '../core/message.ts'
import type { ResultBackend } from '../core/result-backend.ts'
import type { StoredResult } from '../core/result.ts'
import type { StoreIdentity } from '../core/store.ts'
import type { ResultBackendFactory } from '../core/vendor.ts'
import type { MemoryStore } from './memory-store.ts'
import { memoryStore } from './named-stores.ts'

/** Options of {@link memoryResultBackend}. */
export interface MemoryResultBackendOptions {
  /** Names a store of this process, as in `memoryTransport`. Default: a store of its own. */
  readonly store?: string | undefined
}

/**
 * Keeps results in the memory of this process. A memory transport brings one on its own store along;
 * this is for results beside another transport.
 */
export function memoryResultBackend(
  options: MemoryResultBackendOptions = {},
): ResultBackendFactory {
  const store = memoryStore(options.store)
  return {
    kind: 'results',
    name: 'memory',
    create: ({ clock }) => new MemoryResultBackend(store, clock),
  }
}

/** Every result of this store is pushed: the poll is only the contract's second net. */
const poll = { first: 1_000, longest: 60_000 }

/** The results of a {@link MemoryStore}. */
export class MemoryResultBackend implements ResultBackend {
  readonly name = 'memory'
  readonly store: StoreIdentity
  readonly #store: MemoryStore
  readonly #clock: Clock
  readonly #waiters: ResultWaiters
  #started = false

  constructor(store: MemoryStore, clock: Clock) {
    this.store = store.identity
    this.#store = store
    this.#clock = clock
    this.#waiters = new ResultWaiters({ clock, get: (ids) => this.get(ids), poll })
  }

  async start(): Promise<void> {
    this.#started = true
    this.#store.results.listeners.add(this.#onResult)
  }

  async stop(): Promise<void> {
    this.#started = false
    this.#store.results.listeners.delete(this.#onResult)
    this.#waiters.close()
  }

  async save(results: readonly StoredResult[]): Promise<readonly Body[]> {
    const { results: table } = this.#open()
    return results.map((result) => table.save(result, this.#clock.now()))
  }

  async get(ids: readonly string[]): Promise<readonly (Body | null)[]> {
    const { results } = this.#open()
    return ids.map((id) => results.get(id, this.#clock.now()))
  }

  async wait(id: string, { signal }: { signal: AbortSignal }): Promise<Body> {
    this.#open()
    return this.#waiters.wait(id, signal)
  }

  async delete(ids: readonly string[]): Promise<number> {
    const { results } = this.#open()
    return ids.filter((id) => results.delete(id, this.#clock.now())).length
  }

  async saveProgress(claim: Claim, body: Body, expiresIn: number): Promise<boolean> {
    const store = this.#open()
    // Beside another transport nothing is known of claims: then nothing can be fenced.
    if (store.carriesMessages && store.held(claim) === undefined) return false
    const now = this.#clock.now()
    store.results.progress.set(claim.id, { body, expires: now + expiresIn }, now)
    return true
  }

  async getProgress(ids: readonly string[]): Promise<readonly (Body | null)[]> {
    const { results } = this.#open()
    return ids.map((id) => results.progress.get(id, this.#clock.now()))
  }

  readonly #onResult = (id: string, body: Body): void => this.#waiters.arrived(id, body)

  #open(): MemoryStore {
    if (this.#started) return this.#store
    throw new NotStartedError(
      'the memory result backend is not started: call broker.start() first.',
    )
  }
}
