import { eventsAfter, type NumberedEvent } from '../data/events.ts'
import type { Db } from '../data/tables.ts'

/** Told of the events of one transcript. */
export type EventListener = (event: NumberedEvent) => void

interface Watcher {
  readonly id: string
  readonly listener: EventListener
  seen: number
}

/**
 * Tells listeners of events as workers write them. The table is the truth, and it is asked a few times a
 * second for what somebody watches: an event that is committed is told, whichever process wrote it, and
 * in its order.
 */
export class EventFeed {
  readonly #db: Db
  readonly #watchers = new Set<Watcher>()
  readonly #timer: NodeJS.Timeout
  #asking = false

  constructor(db: Db, interval = 150) {
    this.#db = db
    this.#timer = setInterval(() => void this.#ask(), interval)
  }

  /**
   * Calls back for what has happened so far, states and spoken words left out, and then for each event
   * that comes. Ends by calling what is returned.
   */
  async watch(id: string, listener: EventListener): Promise<() => void> {
    const watcher: Watcher = { id, listener, seen: 0 }
    for (const event of await eventsAfter(this.#db, id, 0)) {
      watcher.seen = event.seq
      if (event.event !== 'TRANSCRIPT' && event.event !== 'STATUS') listener(event)
    }
    this.#watchers.add(watcher)
    return () => void this.#watchers.delete(watcher)
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#watchers.clear()
  }

  async #ask(): Promise<void> {
    if (this.#asking) return
    this.#asking = true
    try {
      for (const watcher of this.#watchers) {
        for (const event of await eventsAfter(this.#db, watcher.id, watcher.seen)) {
          watcher.seen = event.seq
          watcher.listener(event)
        }
      }
    } catch (error) {
      console.error('the events could not be read; they are read again', error)
    } finally {
      this.#asking = false
    }
  }
}
