import { KeyedWakes } from '../coalescing/keyed-wakes.ts'
import type { Clock } from '../core/clock.ts'
import type { Locks, Permit, PermitAsk } from '../core/locks.ts'

interface Hold {
  readonly fence: number
  expires: number
}

/** The holds of a {@link MemoryStore}, by key and holder. What has expired is never seen, and dropped when its key is asked for. */
export class MemoryHolds {
  readonly #keys = new Map<string, Map<string, Hold>>()
  readonly wakes: KeyedWakes = new KeyedWakes()
  #fence = 0

  acquire(key: string, { holder, limit, ms }: PermitAsk, now: number): Permit | null {
    const holds = this.#live(key, now) ?? new Map<string, Hold>()
    let hold = holds.get(holder)
    if (hold === undefined && holds.size >= limit) return null
    hold ??= { fence: ++this.#fence, expires: 0 }
    hold.expires = now + ms
    holds.set(holder, hold)
    this.#keys.set(key, holds)
    return { key, holder, fence: hold.fence }
  }

  renew({ key, holder }: Permit, ms: number, now: number): boolean {
    const hold = this.#live(key, now)?.get(holder)
    if (hold === undefined) return false
    hold.expires = now + ms
    return true
  }

  free({ key, holder }: Permit, now: number): boolean {
    const holds = this.#live(key, now)
    const held = holds?.delete(holder) ?? false
    if (holds?.size === 0) this.#keys.delete(key)
    // In a turn of its own: nobody takes a lock inside the call that gives it back.
    if (held) queueMicrotask(() => this.wakes.ring(key))
    return held
  }

  #live(key: string, now: number): Map<string, Hold> | undefined {
    const holds = this.#keys.get(key)
    if (holds === undefined) return undefined
    for (const [holder, { expires }] of holds) if (expires <= now) holds.delete(holder)
    if (holds.size > 0) return holds
    this.#keys.delete(key)
    return undefined
  }
}

/** The locks of a memory store. */
export class MemoryLocks implements Locks {
  readonly #holds: MemoryHolds
  readonly #clock: Clock

  constructor(holds: MemoryHolds, clock: Clock) {
    this.#holds = holds
    this.#clock = clock
  }

  async acquire(key: string, ask: PermitAsk): Promise<Permit | null> {
    return this.#holds.acquire(key, ask, this.#clock.now())
  }

  async renew(permit: Permit, ms: number): Promise<boolean> {
    return this.#holds.renew(permit, ms, this.#clock.now())
  }

  async free(permit: Permit): Promise<boolean> {
    return this.#holds.free(permit, this.#clock.now())
  }

  async onFreed(key: string, wake: () => void): Promise<() => void> {
    return this.#holds.wakes.listen(key, wake)
  }
}
