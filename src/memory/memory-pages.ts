import type { PageRequest } from '../core/inspector.ts'
import { PagePlaces } from '../core/page-places.ts'
import type { MemoryMessage } from './memory-message.ts'
import { isParked } from './memory-queue.ts'
import type { MemoryStore } from './memory-store.ts'
import { byTime } from './message-heap.ts'

/** Where a message that was put off had its place. */
type TimePlace = Pick<MemoryMessage, 'at' | 'seq'>

/** Pages of the messages of a {@link MemoryStore}; each goes on where the one before it ended. */
export class MemoryPages {
  readonly #store: MemoryStore
  /** A map may be walked on, whatever was taken out of it or put into it meanwhile. */
  readonly #walks = new PagePlaces<Iterator<MemoryMessage>>()
  readonly #times = new PagePlaces<TimePlace>()

  constructor(store: MemoryStore) {
    this.#store = store
  }

  /** Messages of a queue in the order in which they came. */
  peek(queue: string, { limit, after }: PageRequest): MemoryMessage[] {
    const walk = this.#walkBehind(queue, after)
    const page: MemoryMessage[] = []
    while (page.length < limit) {
      const step = walk.next()
      if (step.done === true) return page
      if (step.value.queue === queue) page.push(step.value)
    }
    const last = page.at(-1)
    if (last !== undefined) this.#walks.note(queue, last.id, walk)
    return page
  }

  /** Messages of a queue that wait for their time, the soonest first. */
  scheduled(queue: string, { limit, after }: PageRequest): MemoryMessage[] {
    const from = after === undefined ? undefined : this.#timeOf(queue, after)
    // The first so many of a heap: it is looked through once, and not put in order.
    const page: MemoryMessage[] = []
    for (const message of this.#store.queues.get(queue)?.due.values() ?? []) {
      if (isParked(message) || (from !== undefined && !isBehind(message, from))) continue
      const last = page.at(-1)
      if (page.length >= limit && (last === undefined || byTime(last, message))) continue
      page.splice(placeIn(page, message), 0, message)
      if (page.length > limit) page.pop()
    }
    const last = page.at(-1)
    if (last !== undefined) this.#times.note(queue, last.id, { at: last.at, seq: last.seq })
    return page
  }

  #timeOf(queue: string, id: string): TimePlace | undefined {
    const message = this.#store.messages.get(id)
    const waits = message?.state === 'scheduled' && message.queue === queue && !isParked(message)
    return this.#times.of(queue, id) ?? (waits ? message : undefined)
  }

  /** From the message behind this one; from the start when it has gone, so that none is missed. */
  #walkBehind(queue: string, after: string | undefined): Iterator<MemoryMessage> {
    const { messages } = this.#store
    const noted = after === undefined ? undefined : this.#walks.of(queue, after)
    if (after !== undefined && noted !== undefined) {
      // It is used up by going on.
      this.#walks.forget(queue, after)
      return noted
    }
    const walk = messages.values()
    if (after === undefined || !messages.has(after)) return walk
    for (let step = walk.next(); step.done !== true && step.value.id !== after;) step = walk.next()
    return walk
  }
}

function isBehind({ at, seq }: MemoryMessage, place: TimePlace): boolean {
  return at > place.at || (at === place.at && seq > place.seq)
}

function placeIn(page: readonly MemoryMessage[], message: MemoryMessage): number {
  let low = 0
  let high = page.length
  while (low < high) {
    const middle = (low + high) >> 1
    const other = page[middle]
    if (other !== undefined && byTime(other, message)) low = middle + 1
    else high = middle
  }
  return low
}
