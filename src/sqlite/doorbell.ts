/**
 * Wakes waiting processes of the same database without polling.
 *
 * Beside the file lies a folder `FILE-bell` with a folder for each topic and one file in it. Whoever
 * has committed something touches that file (at most once a millisecond, the first time at once);
 * whoever waits watches the folder, and nobody else pays. Not the `-wal` is watched: it changes with
 * every commit, and opening it by hand can drop SQLite's locks.
 *
 * A ring is a hint; the poll of one second behind it is the truth. When a watch is opened it is tried
 * out: where no event comes back (some file systems, no watches left) the caller is told by
 * `onUnheard` and polls faster.
 */
import { mkdirSync, utimesSync, watch, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Clock, Timer } from '../core/clock.ts'

/** What can be waited for. */
export const bellTopics = ['work', 'results', 'cancels', 'locks'] as const
/** One of {@link bellTopics}. */
export type BellTopic = (typeof bellTopics)[number]

/** What a doorbell needs of a watch; `fs.watch` opens one. */
export interface Watch {
  on(event: 'error', listener: (error: Error) => void): unknown
  close(): void
}
/** Opens a watch of a folder. */
export type OpenWatch = (
  folder: string,
  options: { readonly persistent: boolean },
  listener: () => void,
) => Watch

/** How a doorbell works. */
export interface DoorbellOptions {
  /** The database file. */
  readonly file: string
  /** Real time, whatever the caller's is: the events come from other processes. */
  readonly clock: Clock
  readonly onRing: (topic: BellTopic) => void
  /** Watching does not work here. Called at most once. */
  readonly onUnheard: (reason: string) => void
  /** Opens a watch; another one only in tests. */
  readonly watch?: OpenWatch | undefined
}

/** Milliseconds between two rings of one topic. */
const ringEvery = 1
/** Milliseconds in which a watch must hear its own trial. */
const trialTime = 1000

/** See the top of the file. */
export class Doorbell {
  readonly #options: DoorbellOptions
  readonly #watchers = new Map<BellTopic, Watch>()
  readonly #pending = new Map<BellTopic, Timer>()
  readonly #rungAt = new Map<BellTopic, number>()
  readonly #trials = new Map<BellTopic, Timer>()
  #unheard = false
  #closed = false

  constructor(options: DoorbellOptions) {
    this.#options = options
  }

  /** Tells those who listen in other processes. Never throws. */
  ring(topic: BellTopic): void {
    if (this.#closed || this.#pending.has(topic)) return
    const { clock } = this.#options
    const since = clock.monotonic() - (this.#rungAt.get(topic) ?? -Infinity)
    if (since >= ringEvery) {
      this.#touch(topic)
      return
    }
    const touch = (): void => {
      this.#pending.delete(topic)
      this.#touch(topic)
    }
    this.#pending.set(topic, clock.after(ringEvery - since, touch, { background: true }))
  }

  /** Begins to listen; `onRing` is called until `close`. Idempotent. */
  listen(topic: BellTopic): void {
    if (this.#closed || this.#watchers.has(topic)) return
    const { clock, onRing } = this.#options
    const open: OpenWatch = this.#options.watch ?? watch
    try {
      this.#make(topic)
      const watcher = open(dirname(this.#path(topic)), { persistent: false }, () => {
        this.#trials.get(topic)?.cancel()
        this.#trials.delete(topic)
        onRing(topic)
      })
      watcher.on('error', (error) => this.#cannotHear(String(error)))
      this.#watchers.set(topic, watcher)
      const none = (): void => this.#cannotHear('a trial ring was not heard')
      this.#trials.set(topic, clock.after(trialTime, none, { background: true }))
      this.#touch(topic)
    } catch (error) {
      this.#cannotHear(String(error))
    }
  }

  /** Rings what is pending and stops listening. Idempotent. */
  close(): void {
    for (const [topic, timer] of this.#pending) {
      timer.cancel()
      this.#touch(topic)
    }
    this.#pending.clear()
    this.#closed = true
    for (const timer of this.#trials.values()) timer.cancel()
    for (const watcher of this.#watchers.values()) watcher.close()
    this.#watchers.clear()
  }

  #path(topic: BellTopic): string {
    return join(`${this.#options.file}-bell`, topic, 'ring')
  }

  #touch(topic: BellTopic): void {
    const { clock } = this.#options
    this.#rungAt.set(topic, clock.monotonic())
    const seconds = clock.now() / 1000
    try {
      utimesSync(this.#path(topic), seconds, seconds)
    } catch {
      try {
        this.#make(topic)
      } catch {
        // A full disk: nobody hears this ring, and the poll finds what it was for.
      }
    }
  }

  #make(topic: BellTopic): void {
    mkdirSync(dirname(this.#path(topic)), { recursive: true })
    writeFileSync(this.#path(topic), '', { flag: 'a' })
  }

  #cannotHear(reason: string): void {
    if (this.#unheard || this.#closed) return
    this.#unheard = true
    this.#options.onUnheard(reason)
  }
}
