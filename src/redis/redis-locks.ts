import { KeyedWakes } from '../coalescing/keyed-wakes.ts'
import type { Locks, Permit, PermitAsk } from '../core/locks.ts'
import type { RedisStore } from './redis-store.ts'
import { acquireScript, freeScript, renewScript } from './scripts/lock-scripts.ts'
import { life } from './settle-answer.ts'

/** The locks of a store that its transport has opened. */
export class RedisLocks implements Locks {
  readonly #store: RedisStore
  readonly #wakes = new KeyedWakes()

  constructor(store: RedisStore) {
    this.#store = store
  }

  async acquire(key: string, { holder, limit, ms }: PermitAsk): Promise<Permit | null> {
    const args = [key, holder, limit, life(ms)]
    const fence = String(await this.#store.run(acquireScript, [this.#name(key)], args))
    return fence === '' ? null : { key, holder, fence: Number(fence) }
  }

  async renew({ key, holder }: Permit, ms: number): Promise<boolean> {
    return (await this.#store.run(renewScript, [this.#name(key)], [key, holder, life(ms)])) === 1
  }

  async free({ key, holder }: Permit): Promise<boolean> {
    return (await this.#store.run(freeScript, [this.#name(key)], [key, holder])) === 1
  }

  async onFreed(key: string, wake: () => void): Promise<() => void> {
    const stop = this.#wakes.listen(key, wake)
    const channel = `${this.#store.keys.app}freed`
    try {
      await this.#store.subscriber.hear(channel, (freed) => this.#wakes.ring(freed))
    } catch (error) {
      stop()
      throw error
    }
    return stop
  }

  #name(key: string): string {
    return `${this.#store.keys.app}lock:${key}`
  }
}
