import type { Claim, LeaseToken } from '../core/delivery.ts'
import type { ExtendReport, LeaseKeeper, LeaseKeeperOptions } from '../core/transport.ts'
import type { ToThread } from './thread-messages.ts'

/** The way to the thread. */
export interface KeeperLink {
  post(message: ToThread): void
  ended(): void
}

/**
 * The main thread's side of a lease keeper. What is kept and forgotten in one turn of the loop goes to
 * the thread in one message, in that same turn: a handler may block the loop right after it.
 */
export class ThreadLeaseKeeper implements LeaseKeeper {
  readonly #no: number
  readonly #options: LeaseKeeperOptions
  readonly #link: KeeperLink
  readonly #held = new Map<LeaseToken, Claim>()
  #added = new Map<LeaseToken, Claim>()
  #removed: LeaseToken[] = []
  #armed = false
  #stopped = false

  constructor(no: number, options: LeaseKeeperOptions, link: KeeperLink) {
    this.#no = no
    this.#options = options
    this.#link = link
    this.#announce()
  }

  get stallLimit(): number {
    return this.#options.stallLimit
  }

  keep(claims: readonly Claim[]): void {
    if (this.#stopped) return
    for (const { id, queue, token } of claims) {
      const claim = { id, queue, token }
      this.#held.set(token, claim)
      this.#added.set(token, claim)
    }
    this.#arm()
  }

  forget(claims: readonly Claim[]): void {
    for (const { token } of claims) {
      if (!this.#held.delete(token)) continue
      // What came and went within one turn need not cross at all.
      if (!this.#added.delete(token)) this.#removed.push(token)
    }
    this.#arm()
  }

  async stop(): Promise<void> {
    if (this.#stopped) return
    this.#stopped = true
    this.#held.clear()
    this.#link.post({ kind: 'keeperEnd', keeper: this.#no })
    this.#link.ended()
  }

  /** A thread has taken the place of another: tells it all. */
  resume(): void {
    this.#announce()
    this.#removed = []
    this.#added = new Map(this.#held)
    this.#flush()
  }

  /** What a renewal learnt. A claim that was forgotten meanwhile is nobody's news. */
  heard({ lost, cancelled }: ExtendReport): void {
    const ours = lost.filter(({ token }) => this.#held.delete(token))
    if (ours.length > 0) this.#options.onLost(ours)
    for (const { claim, reason } of cancelled) {
      if (this.#held.has(claim.token)) this.#options.onCancelled(claim, reason)
    }
  }

  /** A renewal failed; the next one tries again. */
  failed(error: unknown): void {
    if (!this.#stopped) this.#options.onError(error)
  }

  #announce(): void {
    const { lease, every, stallLimit } = this.#options
    this.#link.post({ kind: 'keeper', keeper: this.#no, options: { lease, every, stallLimit } })
  }

  #arm(): void {
    if (this.#armed || (this.#added.size === 0 && this.#removed.length === 0)) return
    this.#armed = true
    queueMicrotask(() => this.#flush())
  }

  #flush(): void {
    this.#armed = false
    if (this.#stopped || (this.#added.size === 0 && this.#removed.length === 0)) return
    const keep = [...this.#added.values()]
    this.#link.post({ kind: 'held', keeper: this.#no, keep, forget: this.#removed })
    this.#added = new Map()
    this.#removed = []
  }
}
