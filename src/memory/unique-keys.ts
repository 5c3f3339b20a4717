import type { Unique } from '../core/unique.ts'
import type { MemoryMessage } from './memory-message.ts'

interface Taken {
  readonly id: string
  /** When the first of those that replaced each other was stored. */
  readonly since: number
  /** End of its window; 0 where it has none. */
  readonly until: number
}

/** How many entries each write looks at, to drop those that nobody needs. */
const looksPerWrite = 2

/**
 * Who took which unique key last. Whether he still has it is asked of his message: nothing is to be freed
 * when a message ends, so nothing can be left behind.
 */
export class UniqueKeys {
  readonly #keys = new Map<string, Taken>()
  readonly #find: (id: string) => MemoryMessage | undefined
  #hand = this.#keys.entries()

  constructor(find: (id: string) => MemoryMessage | undefined) {
    this.#find = find
  }

  /** The id that took the key last. */
  holder(key: string): string | null {
    return this.#keys.get(key)?.id ?? null
  }

  /** Who has the key now. */
  live(unique: Unique, now: number): Taken | undefined {
    const taken = this.#keys.get(unique.key)
    if (taken === undefined) return undefined
    if (unique.while === 'window') return taken.until > now ? taken : undefined
    const message = this.#find(taken.id)
    if (message === undefined || message.cancelled !== undefined) return undefined
    return unique.while === 'queued' && message.state === 'running' ? undefined : taken
  }

  take(
    { key, window = 0 }: Unique,
    { id, since, now }: { id: string; since: number; now: number },
  ): void {
    this.#keys.set(key, { id, since, until: window > 0 ? now + window : 0 })
    for (let i = 0; i < looksPerWrite; i++) {
      const { done, value } = this.#hand.next()
      if (done === true) {
        this.#hand = this.#keys.entries()
        return
      }
      const [other, taken] = value
      if (taken.until <= now && other !== key && this.#find(taken.id) === undefined)
        this.#keys.delete(other)
    }
  }
}
