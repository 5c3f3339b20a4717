import type { Clock, Timer } from '../core/clock.ts'
import { NotStartedError } from '../core/errors.ts'
import type { Body } from '../core/message.ts'

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
 * All callers of one process that wait for results. Pushes ({@link ResultWaiters.arrived},
 * {@link ResultWaiters.look}) are hints; one shared poll behind them is the truth, so that a lost
 * push only delays. A poll that fails is tried again at the next beat.
 */
export class ResultWaiters {
  readonly #options: ResultWaitersOptions
  readonly #waiting = new Map<string, Set<(body: Body) => void>>()
  readonly #rejects = new Set<(error: Error) => void>()
  #timer: Timer | undefined
  #interval: number
  #looking = false
  #lookAgain = false

  constructor(options: ResultWaitersOptions) {
    this.#options = options
    this.#interval = options.poll.first
  }

  /** Ids that somebody waits for. */
  ids(): string[] {
    return [...this.#waiting.keys()]
  }

  /** Resolves with the result of an id; rejects with the signal's reason, or when {@link close} is called. */
  wait(id: string, signal: AbortSignal): Promise<Body> {
    if (signal.aborted) return Promise.reject(asError(signal.reason))
    return new Promise<Body>((resolve, reject) => {
      const settle = (end: () => void): void => {
        signal.removeEventListener('abort', onAbort)
        this.#rejects.delete(onClose)
        const set = this.#waiting.get(id)
        set?.delete(onBody)
        if (set?.size === 0) this.#waiting.delete(id)
        if (this.#waiting.size === 0) this.#disarm()
        end()
      }
      const onBody = (body: Body): void => settle(() => resolve(body))
      const onAbort = (): void => settle(() => reject(asError(signal.reason)))
      const onClose = (error: Error): void => settle(() => reject(error))
      signal.addEventListener('abort', onAbort, { once: true })
      this.#rejects.add(onClose)
      const set = this.#waiting.get(id)
      if (set === undefined) this.#waiting.set(id, new Set([onBody]))
      else set.add(onBody)
      // Whoever asks may ask late: look at once, then wait for pushes and polls.
      this.#interval = this.#options.poll.first
      this.look()
    })
  }

  /** A result has arrived (pushed with its bytes). */
  arrived(id: string, body: Body): void {
    for (const resolve of this.#waiting.get(id) ?? []) resolve(body)
  }

  /** Something has changed in the store: reads all waited-for ids now. Calls while one read is under way are one more read. */
  look(): void {
    if (this.#looking) {
      this.#lookAgain = true
      return
    }
    if (this.#waiting.size === 0) return
    this.#looking = true
    this.#disarm()
    void this.#read().then(() => {
      this.#looking = false
      if (this.#lookAgain) {
        this.#lookAgain = false
        this.look()
      } else this.#arm()
    })
  }

  /** Rejects every wait. */
  close(): void {
    this.#disarm()
    const error = new NotStartedError('the result backend was stopped while a result was awaited.')
    for (const reject of [...this.#rejects]) reject(error)
  }

  async #read(): Promise<void> {
    const ids = this.ids()
    for (let i = 0; i < ids.length; i += pollBatch) {
      const page = ids.slice(i, i + pollBatch)
      try {
        const bodies = await this.#options.get(page)
        for (const [j, body] of bodies.entries()) {
          const id = page[j]
          if (body !== null && id !== undefined) this.arrived(id, body)
        }
      } catch {
        // The store is away: the next poll asks again; the callers' own timeouts bound the wait.
        return
      }
    }
  }

  #arm(): void {
    if (this.#waiting.size === 0 || this.#timer !== undefined) return
    this.#timer = this.#options.clock.after(this.#interval, () => {
      this.#timer = undefined
      this.look()
    })
    this.#interval = Math.min(this.#interval * 2, this.#options.poll.longest)
  }

  #disarm(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason))
}
