import type { Body } from '../core/message.ts'
import { ownBody } from './memory-message.ts'

interface Entry {
  readonly body: Body
  readonly expires: number
}

/** How many entries each write looks at, to drop those that have expired. */
const looksPerWrite = 2

/**
 * Bodies by id, each until its time.
 *
 * An expired entry is never seen. It is dropped when somebody asks for it, or by a hand that walks
 * round the table, two entries for each write: whoever writes also cleans, no timer is needed, and
 * the expired ones never outnumber those that were written in half a life time.
 */
export class ExpiringTable {
  readonly #entries = new Map<string, Entry>()
  #hand = this.#entries.entries()

  /** How many entries it holds, expired ones that nobody has met yet included. */
  get size(): number {
    return this.#entries.size
  }

  has(id: string, now: number): boolean {
    return this.#live(id, now) !== undefined
  }

  get(id: string, now: number): Body | null {
    const entry = this.#live(id, now)
    return entry === undefined ? null : ownBody(entry.body)
  }

  /** Writes an entry, in the place of one of the same id. */
  set(id: string, entry: Entry, now: number): void {
    this.#entries.set(id, { body: ownBody(entry.body), expires: entry.expires })
    this.#clean(now)
  }

  /** Whether there was one. */
  delete(id: string, now: number): boolean {
    const had = this.has(id, now)
    if (had) this.#entries.delete(id)
    return had
  }

  #live(id: string, now: number): Entry | undefined {
    const entry = this.#entries.get(id)
    if (entry === undefined || entry.expires > now) return entry
    this.#entries.delete(id)
    return undefined
  }

  #clean(now: number): void {
    for (let i = 0; i < looksPerWrite; i++) {
      const { done, value } = this.#hand.next()
      if (done === true) {
        this.#hand = this.#entries.entries()
        return
      }
      if (value[1].expires <= now) this.#entries.delete(value[0])
    }
  }
}
