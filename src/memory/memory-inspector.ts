import type { Clock } from '../core/clock.ts'
import type {
  DeadLetter,
  DeadTrim,
  Inspector,
  PageRequest,
  QueueCounts,
  StoredMessage,
} from '../core/inspector.ts'
import type { Body } from '../core/message.ts'
import type { TaskStatus } from '../core/states.ts'
import { ownBody, type MemoryMessage } from './memory-message.ts'
import { isParked } from './memory-queue.ts'
import { MemoryPages } from './memory-pages.ts'
import type { MemoryStore } from './memory-store.ts'

/**
 * Looks into a {@link MemoryStore}. What is due counts as queued, and nobody's claim is touched: a
 * lease that has ended shows as running until somebody receives.
 */
export class MemoryInspector implements Inspector {
  readonly #store: MemoryStore
  readonly #clock: Clock
  readonly #pages: MemoryPages

  constructor(store: MemoryStore, clock: Clock) {
    this.#store = store
    this.#clock = clock
    this.#pages = new MemoryPages(store)
  }

  async queues(): Promise<readonly QueueCounts[]> {
    this.#promote()
    return [...this.#store.queues.values()]
      .map(({ name, queued, due, leases, dead, cap, parked }) => ({
        queue: name,
        queued: queued + parked,
        scheduled: due.size - parked,
        running: leases.size,
        dead,
        cap,
      }))
      .sort((a, b) => (a.queue < b.queue ? -1 : 1))
  }

  async peek(queue: string, page: PageRequest): Promise<readonly StoredMessage[]> {
    this.#promote()
    return this.#pages.peek(queue, page).map(seen)
  }

  async scheduled(queue: string, page: PageRequest): Promise<readonly StoredMessage[]> {
    this.#promote()
    return this.#pages.scheduled(queue, page).map(seen)
  }

  async states(ids: readonly string[]): Promise<readonly (TaskStatus | null)[]> {
    this.#promote()
    return ids.map((id) => {
      const message = this.#store.messages.get(id)
      if (message !== undefined) {
        const state = stateOf(message)
        return state === 'scheduled' && message.retried ? 'retrying' : state
      }
      const reason = this.#store.dead.get(id)?.letter.reason
      if (reason === undefined) return null
      return reason === 'failed' ? 'failed' : 'dead'
    })
  }

  async keyHolders(keys: readonly string[]): Promise<readonly (string | null)[]> {
    return keys.map((key) => this.#store.keys.holder(key))
  }

  async deadLetters(
    page: PageRequest & { queue?: string | undefined },
  ): Promise<readonly DeadLetter[]> {
    const letters = [...this.#store.dead.values()].map(({ letter }) => letter).reverse()
    const { queue } = page
    const wanted =
      queue === undefined ? letters : letters.filter((letter) => letter.queue === queue)
    return pageOf(wanted, page).map(copied)
  }

  async deadLetter(id: string): Promise<DeadLetter | null> {
    const dead = this.#store.dead.get(id)
    return dead === undefined ? null : copied(dead.letter)
  }

  async retryDead(
    ids: readonly string[],
    bodies?: ReadonlyMap<string, Body>,
  ): Promise<readonly string[]> {
    return this.#store.retryDead(ids, bodies, this.#clock.now())
  }

  async deleteDead(ids: readonly string[]): Promise<number> {
    return this.#store.deleteDead(ids)
  }

  async trimDead({ queue, before = 0, keep = Infinity, limit }: DeadTrim): Promise<number> {
    const letters = [...this.#store.dead.values()]
      .map(({ letter }) => letter)
      .filter((letter) => letter.queue === queue)
    const beyond = letters.length - keep
    const old = letters.filter(({ at }, i) => at < before || i < beyond).slice(0, limit)
    return this.#store.deleteDead(old.map(({ id }) => id))
  }

  #promote(): void {
    const now = this.#clock.now()
    for (const queue of this.#store.queues.values()) queue.promote(now)
  }
}

/** The entries behind `after`; from the start when that one has gone meanwhile, so that none is missed. */
function pageOf<T extends { readonly id: string }>(all: readonly T[], page: PageRequest): T[] {
  const from = page.after === undefined ? 0 : all.findIndex(({ id }) => id === page.after) + 1
  return all.slice(from, from + page.limit)
}

function seen(message: MemoryMessage): StoredMessage {
  const { id, queue, priority, body, redeliveries, enqueuedAt, at } = message
  const state = stateOf(message)
  return {
    id,
    queue,
    priority,
    state,
    body: ownBody(body),
    redeliveries,
    at: state === 'queued' ? enqueuedAt : at,
  }
}

function stateOf(message: MemoryMessage): StoredMessage['state'] {
  const { state } = message
  // What has ended is in no table any more; what waits at a gate waits for its turn.
  return state === 'ended' || isParked(message) ? 'queued' : state
}

function copied(letter: DeadLetter): DeadLetter {
  return { ...letter, body: ownBody(letter.body) }
}
