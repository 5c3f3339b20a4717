import type { Claim } from './delivery.ts'
import type { Body } from './message.ts'
import type { StoredResult } from './result.ts'
import type { StoreIdentity } from './store.ts'

/** Keeps outcomes. Bodies are opaque to it. */
export interface ResultBackend {
  readonly name: string
  /** Equal to the transport's where both share one store. */
  readonly store: StoreIdentity
  /** Opens the store. Idempotent. */
  start(): Promise<void>
  /** Ends waits (they reject with `NotStartedError`) and closes. Idempotent. */
  stop(): Promise<void>

  /**
   * Stores results; the first writer of an id wins, and what is stored is returned for each, in
   * order: a worker that comes second must go on with the first one's value. Safe to repeat.
   */
  save(results: readonly StoredResult[]): Promise<readonly Body[]>
  /** The results of these ids, in order; `null` where there is none or it has expired. */
  get(ids: readonly string[]): Promise<readonly (Body | null)[]>
  /**
   * Resolves with the result as soon as there is one: pushed where the store can, polled behind it.
   * Rejects with the signal's reason when it aborts. All waits of one process share their polling.
   */
  wait(id: string, options: { signal: AbortSignal }): Promise<Body>
  /** Deletes results and progress; returns how many results there were. */
  delete(ids: readonly string[]): Promise<number>

  /**
   * Stores the progress of a running task. Where transport and backend share a store it is fenced:
   * `false` when the claim is not ours any more, and nothing is written.
   */
  saveProgress(claim: Claim, body: Body, expiresIn: number): Promise<boolean>
  /** The last progress of each id, in order. */
  getProgress(ids: readonly string[]): Promise<readonly (Body | null)[]>
}
