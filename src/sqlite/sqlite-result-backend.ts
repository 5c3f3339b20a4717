import { ResultWaiters } from '../coalescing/result-waiters.ts'
import type { Claim } from '../core/delivery.ts'
import { NotStartedError } from '../core/errors.ts'
import type { Body } from '../core/message.ts'
import type { ResultBackend } from '../core/result-backend.ts'
import type { StoredResult } from '../core/result.ts'
import type { StoreIdentity } from '../core/store.ts'
import type { SqliteStore } from './sqlite-store.ts'

/** Milliseconds between two looks for results that are waited for, whatever was or was not heard. */
const poll = { first: 1000, longest: 1000 }

/** The result backend on a store. */
export class SqliteResults implements ResultBackend {
  readonly name = 'sqlite'
  readonly #store: SqliteStore
  #waiters: ResultWaiters | undefined
  #stopListening: (() => void) | undefined

  constructor(store: SqliteStore) {
    this.#store = store
  }

  get store(): StoreIdentity {
    return this.#store.identity
  }

  async start(): Promise<void> {
    await this.#store.open(this)
    if (this.#waiters !== undefined) return
    const { results, around } = this.#store
    const waiters = new ResultWaiters({ clock: around.clock, get: (ids) => this.get(ids), poll })
    this.#waiters = waiters
    this.#stopListening = results.listen(() => waiters.look())
  }

  async stop(): Promise<void> {
    this.#stopListening?.()
    this.#waiters?.close()
    this.#waiters = undefined
    await this.#store.close(this)
  }

  async save(results: readonly StoredResult[]): Promise<readonly Body[]> {
    this.#started()
    return results.length === 0 ? [] : this.#store.call('save', results)
  }

  async get(ids: readonly string[]): Promise<readonly (Body | null)[]> {
    this.#started()
    return ids.length === 0 ? [] : this.#store.call('get', ids)
  }

  async wait(id: string, { signal }: { signal: AbortSignal }): Promise<Body> {
    const waiters = this.#started()
    this.#store.listen('results')
    return waiters.wait(id, signal)
  }

  async delete(ids: readonly string[]): Promise<number> {
    this.#started()
    return ids.length === 0 ? 0 : this.#store.call('delete', ids)
  }

  async saveProgress(claim: Claim, body: Body, expiresIn: number): Promise<boolean> {
    this.#started()
    const { id, queue, token } = claim
    return this.#store.call('saveProgress', { claim: { id, queue, token }, body, expiresIn })
  }

  async getProgress(ids: readonly string[]): Promise<readonly (Body | null)[]> {
    this.#started()
    return ids.length === 0 ? [] : this.#store.call('getProgress', ids)
  }

  #started(): ResultWaiters {
    if (this.#waiters !== undefined) return this.#waiters
    throw new NotStartedError(
      'the SQLite result backend is not started: await broker.start() first.',
    )
  }
}
