import type { Clock, Timer } from '../core/clock.ts'
import { NotStartedError } from '../core/errors.ts'
import type { Body } from '../core/message.ts'
import { AbortListeners } from './abort-listeners.ts'

/** Options of {@link ResultWaiters}. */
export interface ResultWaitersOptions {
  readonly clock: Clock
  /** Reads results from the store: the truth. */
  readonly get: (ids: readonly string[]) => Promise<readonly (Body | null)[]>
  /** Milliseconds between two polls: the first, and the longest that it grows to. */
  readonly poll: { readonly first: number; readonly longest: number }
}

/** The most ids of one poll. */
const pollBatch = 500

/**
 * All callers of one process that wait for results.
 *
 * Pushes ({@link ResultWaiters.arrived}, {@link ResultWaiters.look}) are hints; one shared poll behind
 * them is the truth, so that a lost push only delays. At most one read is under way: what is asked
 * for meanwhile is one more read after it. A new wait reads its own id only, as many waits may be
 * open already. A read that fails is made good by the next poll; polls grow apart while nothing new
 * is awaited.
 */
export class ResultWaiters {
  readonly #options: ResultWaitersOptions
  readonly #waiting = new Map<string, Set<(body: Body) => void>>()
  readonly #rejects = new Set<(error: Error) => void>()
  readonly #aborts = new AbortListeners()
  /** Ids that nobody has looked for yet. */
  readonly #fresh = new Set<string>()
  /** All ids are to be read. */
  #all = false
  #reading = false
  #poll: { readonly at: number; readonly timer: Timer } | undefined
  #interval: number

  constructor(options: ResultWaitersOptions) {
    this.#options = options
    this.#interval = options.poll.first
  }

  /** Ids that somebody waits for. */
  ids(): string[] {
    return [...this.#waiting.keys()]
  }

  /**
   * Resolves with the result of an id; rejects with the signal's reason, or when {@link close} is called. `noted`: it was not
   * there when its push was asked for, so that nobody need look now.
   */
  wait(
    id: string,
    signal: AbortSignal,
    { noted = false }: { noted?: boolean } = {},
  ): Promise<Body> {
    return new Promise<Body>((resolve, reject) => {
      const settle = (end: () => void): void => {
        this.#aborts.remove(signal, onAbort)
        this.#rejects.delete(onClose)
        this.#leave(id, onBody)
        end()
      }
      const onBody = (body: Body): void => settle(() => resolve(body))
      const onAbort = (): void => settle(() => reject(signal.reason))
      const onClose = (error: Error): void => settle(() => reject(error))
      if (signal.aborted) return reject(signal.reason)
      this.#aborts.add(signal, onAbort)
      this.#rejects.add(onClose)
      const set = this.#waiting.get(id)
      if (set === undefined) this.#waiting.set(id, new Set([onBody]))
      else set.add(onBody)
      // Whoever asks may ask late: look at once, then wait for pushes and polls.
      if (!noted) this.#fresh.add(id)
      this.#interval = this.#options.poll.first
      this.#read()
    })
  }

  /** A result has arrived (pushed with its bytes). */
  arrived(id: string, body: Body): void {
    for (const resolve of this.#waiting.get(id) ?? []) resolve(body)
  }

  /** Something has changed in the store: reads all waited-for ids now. */
  look(): void {
    this.#all = true
    this.#read()
  }

  /** Rejects every wait. */
  close(): void {
    const error = new NotStartedError('the result backend was stopped while a result was awaited.')
    for (const reject of [...this.#rejects]) reject(error)
  }

  #leave(id: string, resolve: (body: Body) => void): void {
    const set = this.#waiting.get(id)
    set?.delete(resolve)
    if (set?.size === 0) this.#waiting.delete(id)
    if (this.#waiting.size > 0) return
    this.#poll?.timer.cancel()
    this.#poll = undefined
  }

  #read(): void {
    if (this.#reading) return
    const ids = this.#all ? this.ids() : [...this.#fresh].filter((id) => this.#waiting.has(id))
    this.#all = false
    this.#fresh.clear()
    if (ids.length === 0) return this.#arm()
    this.#reading = true
    void this.#readPages(ids).then(() => {
      this.#reading = false
      this.#read()
    })
  }

  async #readPages(ids: readonly string[]): Promise<void> {
    for (let i = 0; i < ids.length; i += pollBatch) {
      const page = ids.slice(i, i + pollBatch)
      try {
        const bodies = await this.#options.get(page)
        for (const [j, id] of page.entries()) {
          const body = bodies[j] ?? null
          if (body !== null) this.arrived(id, body)
        }
      } catch {
        // The store is away: the next poll asks again; the callers' own timeouts bound the wait.
        return
      }
    }
  }

  /** Plans the next poll; one that is planned for earlier stays. */
  #arm(): void {
    if (this.#waiting.size === 0) return
    const { clock, poll } = this.#options
    const at = clock.monotonic() + this.#interval
    if (this.#poll !== undefined && this.#poll.at <= at) return
    this.#poll?.timer.cancel()
    const timer = clock.after(this.#interval, () => {
      this.#poll = undefined
      this.#interval = Math.min(this.#interval * 2, poll.longest)
      this.look()
    })
    this.#poll = { at, timer }
  }
}
