/**
 * Keeps house in the queues of the app, which may not be only ours. A process that receives looks after all queues of the app:
 *
 * - what is due in queues that only Python serves is moved into their streams, since nobody there knows
 *   of it;
 * - entries that Python has acknowledged are deleted, which it never does itself, so that streams do not
 *   grow for ever;
 * - consumers whose workers are gone are removed, once others have taken what they held.
 *
 * Any number of processes may do so at once.
 */
import type { Timer } from '../core/clock.ts'
import { queueArguments } from './claim-batch.ts'
import { removeConsumers, type IdleBound } from './consumers.ts'
import type { RedisStore } from './redis-store.ts'
import { moveDueScript, trimScript } from './scripts/janitor-scripts.ts'
import { allQueues } from './search.ts'

/**
 * Milliseconds between two rounds, at most; between two looks for what to delete, and for consumers; the
 * shortest pause.
 */
const every = { round: 1000, trim: 5000, sweep: 30_000, least: 10 } as const
/**
 * A consumer is taken to be gone that was idle for ten of its leases, and for ten seconds. A worker that is
 * merely slow holds what it runs, so its consumer stays; that of one that merely waits is made anew by
 * its next message.
 */
const gone = { leases: 10, least: 10_000 }
/** Entries that one script deletes or looks through, and scripts of one queue in one round. */
const most = { entries: 250, scripts: 20 }

/** What is looked after. */
export interface JanitorOptions {
  /** Deletes what Python has acknowledged. */
  readonly trims: boolean
  /** Milliseconds between two looks for consumers, about. Default 30 s. */
  readonly sweepEvery?: number | undefined
  /** When a consumer is taken to be gone. Default: see above. */
  readonly gone?: IdleBound | undefined
}

/** Rounds from {@link start} to {@link stop}. */
export class Janitor {
  readonly #store: RedisStore
  readonly #options: JanitorOptions
  readonly #served = new Set<string>()
  /** By queue, how far each of its lines was looked through. */
  readonly #looked = new Map<string, readonly string[]>()
  #timer: Timer | undefined
  #round: Promise<void> | undefined
  #trimAt = 0
  #sweepAt = 0
  #stopListening: (() => void) | undefined
  #failing = false

  constructor(store: RedisStore, options: JanitorOptions) {
    this.#store = store
    this.#options = options
  }

  /** Begins, or goes on with queues that this process serves itself: they are moved by receiving. */
  start(queues: readonly string[]): void {
    for (const queue of queues) this.#served.add(queue)
    if (this.#stopListening !== undefined) return
    const { random } = this.#store.around
    this.#trimAt = this.#now() + every.trim * random.next()
    this.#sweepAt = this.#now() + this.#sweepEvery * random.next()
    // A ring may mean that something is due sooner than anything before.
    this.#stopListening = this.#store.work.listen(() => this.#plan(every.least))
    this.#plan(every.least)
  }

  /** Ends; resolves when the round under way is over. Idempotent. */
  async stop(): Promise<void> {
    this.#stopListening?.()
    this.#stopListening = undefined
    this.#timer?.cancel()
    this.#timer = undefined
    await this.#round
  }

  get #sweepEvery(): number {
    return this.#options.sweepEvery ?? every.sweep
  }

  #now(): number {
    return this.#store.around.clock.monotonic()
  }

  #plan(pause: number): void {
    if (this.#stopListening === undefined || this.#round !== undefined) return
    this.#timer?.cancel()
    this.#timer = this.#store.around.clock.after(pause, () => {
      this.#round = this.#tend().then((next) => {
        this.#round = undefined
        this.#plan(next)
      })
    })
  }

  /** One round; milliseconds until the next one. */
  async #tend(): Promise<number> {
    const { clock, random, logger } = this.#store.around
    try {
      const queues = await allQueues(this.#store)
      const next = await this.#moveDue(queues.filter((queue) => !this.#served.has(queue)))
      if (this.#options.trims && clock.monotonic() >= this.#trimAt) {
        this.#trimAt = clock.monotonic() + every.trim * (0.5 + random.next())
        for (const queue of queues) await this.#trim(queue)
      }
      if (clock.monotonic() >= this.#sweepAt) {
        this.#sweepAt = clock.monotonic() + this.#sweepEvery * (0.5 + random.next())
        const of = { idle: this.#options.gone ?? gone, alone: this.#sweepEvery / 2 }
        for (const queue of queues) await removeConsumers(this.#store, [queue], of)
      }
      this.#failing = false
      return Math.max(every.least, Math.min(next, every.round))
    } catch (error) {
      // The store is away, or was closed: those who need it say so. Once is enough.
      if (!this.#failing && this.#stopListening !== undefined) {
        logger.warn('streams could not be looked after; this is tried again', { error })
      }
      this.#failing = true
      return every.round
    }
  }

  /** Milliseconds until something is due in these queues. */
  async #moveDue(queues: readonly string[]): Promise<number> {
    const { connector } = this.#store
    let next = Infinity
    // On a cluster each queue has a slot of its own.
    const batches = connector.isCluster ? queues.map((queue) => [queue]) : [queues]
    for (const batch of batches) {
      if (batch.length === 0) continue
      const [now, due] = (await this.#store.run(
        moveDueScript,
        batch.map((queue) => this.#store.keys.queue(queue).stream),
        queueArguments(this.#store, batch),
      )) as [string, string, number]
      if (due !== '') next = Math.min(next, Number(due) - Number(now))
    }
    return next
  }

  async #trim(queue: string): Promise<void> {
    const { keys } = this.#store
    for (let i = 0; i < most.scripts; i++) {
      const looked = this.#looked.get(queue) ?? []
      const [deleted, more, ...stopped] = (await this.#store.run(
        trimScript,
        [keys.queue(queue).stream],
        [
          ...queueArguments(this.#store, [queue]),
          i === 0 ? every.trim / 2 : '',
          most.entries,
          looked.length / 2,
          ...looked,
        ],
      )) as [number, number, ...string[]]
      if (deleted < 0) return
      this.#looked.set(queue, stopped)
      if (more === 0) return
    }
  }
}
