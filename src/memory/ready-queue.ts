import type { MemoryMessage } from './memory-message.ts'
import { byPlace, MessageHeap } from './message-heap.ts'

/** Stale references are swept out of a lane when there are more than this, and more than live ones. */
const toleratedStale = 1024

/**
 * The messages of one queue that may run now: ten lanes, one for each priority, each in the order
 * of their places.
 *
 * A lane has two parts. New messages arrive in the order of their places and go through an array
 * (`fresh`) that is pushed at one end and read at the other. Those that come back (a retry, a lost
 * lease, one given back, one whose time has come) have an older place and go through a heap. The
 * head of the lane is the older of the two heads. Which lanes hold something is kept in a bit mask,
 * so that a claim costs no search.
 *
 * A message that is cancelled while it waits is left in the array as a stale reference: whoever
 * reads it sees that it is not queued any more, or that the heap holds it (it came back), and skips it.
 */
export class ReadyQueue {
  readonly #lanes: Lane[] = Array.from({ length: 10 }, () => new Lane())
  #filled = 0
  #size = 0

  get size(): number {
    return this.#size
  }

  /** Adds a message that has never been in this queue before. */
  push(message: MemoryMessage): void {
    this.#lane(message).fresh.push(message)
    this.#added(message)
  }

  /** Adds a message that has been claimed or scheduled before, at its old place. */
  putBack(message: MemoryMessage): void {
    this.#lane(message).returned.push(message)
    this.#added(message)
  }

  /** Takes the first of the highest priority. Its state is still `queued`. */
  take(): MemoryMessage | undefined {
    if (this.#filled === 0) return undefined
    const priority = 31 - Math.clz32(this.#filled)
    const message = this.#lanes[priority]?.take()
    if (message !== undefined) this.#removed(message)
    return message
  }

  /** Takes out one that waits somewhere in the middle. The caller moves its state on at once. */
  withdraw(message: MemoryMessage): void {
    const lane = this.#lane(message)
    if (message.slot >= 0) lane.returned.remove(message)
    else lane.stale++
    this.#removed(message)
  }

  #lane(message: MemoryMessage): Lane {
    const lane = this.#lanes[message.priority]
    if (lane === undefined) throw new RangeError(`no lane for priority ${message.priority}`)
    return lane
  }

  #added(message: MemoryMessage): void {
    this.#size++
    this.#lane(message).live++
    this.#filled |= 1 << message.priority
  }

  #removed(message: MemoryMessage): void {
    const lane = this.#lane(message)
    this.#size--
    lane.live--
    if (lane.live > 0) return lane.tidy()
    lane.clear()
    this.#filled &= ~(1 << message.priority)
  }
}

class Lane {
  fresh: MemoryMessage[] = []
  readonly returned = new MessageHeap(byPlace)
  live = 0
  /** At most so many references of `fresh` are stale. */
  stale = 0
  #head = 0

  take(): MemoryMessage | undefined {
    const back = this.returned.peek()
    let next = this.fresh[this.#head]
    while (next !== undefined && !waits(next)) next = this.fresh[++this.#head]
    if (back !== undefined && (next === undefined || back.seq < next.seq))
      return this.returned.pop()
    this.#head++
    return next
  }

  /** Keeps the array in proportion to what it holds. */
  tidy(): void {
    const length = this.fresh.length
    if (this.#head > 1024 && this.#head * 2 > length) {
      this.fresh = this.fresh.slice(this.#head)
      this.#head = 0
    } else if (this.stale > toleratedStale && this.stale > this.live) {
      this.fresh = this.fresh.slice(this.#head).filter(waits)
      this.#head = 0
      this.stale = 0
    }
  }

  clear(): void {
    this.fresh = []
    this.#head = 0
    this.stale = 0
  }
}

function waits(message: MemoryMessage): boolean {
  return message.state === 'queued' && message.slot < 0
}
