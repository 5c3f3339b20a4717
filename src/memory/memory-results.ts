import type { Body } from '../core/message.ts'
import type { StoredResult } from '../core/result.ts'
import { ExpiringTable } from './expiring-table.ts'
import { ownBody } from './memory-message.ts'

/** Called in the step that stored a result. */
export type ResultListener = (id: string, body: Body) => void

/**
 * The results and the progress of a store. Progress stays readable after its message has ended,
 * until its own time or until the result is deleted.
 */
export class MemoryResults {
  readonly listeners: Set<ResultListener> = new Set()
  readonly progress: ExpiringTable = new ExpiringTable()
  readonly #results = new ExpiringTable()

  has(id: string, now: number): boolean {
    return this.#results.has(id, now)
  }

  get(id: string, now: number): Body | null {
    return this.#results.get(id, now)
  }

  /** Stores a result unless there is one; returns what is stored. */
  save(result: StoredResult, now: number): Body {
    const { id, body, expiresIn } = result
    const first = this.#results.get(id, now)
    if (first !== null) return first
    this.#results.set(id, { body, expires: now + expiresIn }, now)
    for (const listener of this.listeners) listener(id, ownBody(body))
    return body
  }

  /** Deletes result and progress; whether there was a result. */
  delete(id: string, now: number): boolean {
    this.progress.delete(id, now)
    return this.#results.delete(id, now)
  }
}
