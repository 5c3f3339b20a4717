import type { MemoryMessage } from './memory-message.ts'

/** Whether the first message leaves the heap before the second. */
export type HeapOrder = (a: MemoryMessage, b: MemoryMessage) => boolean

/** By time, then by place. */
export const byTime: HeapOrder = (a, b) => a.at < b.at || (a.at === b.at && a.seq < b.seq)

/** By place in the queue. */
export const byPlace: HeapOrder = (a, b) => a.seq < b.seq

/**
 * A binary heap of messages that know their index in it (`slot`), so that any of them is taken out
 * in O(log n). A message is in at most one heap at a time: one slot is enough.
 */
export class MessageHeap {
  readonly #before: HeapOrder
  readonly #items: MemoryMessage[] = []

  constructor(before: HeapOrder) {
    this.#before = before
  }

  get size(): number {
    return this.#items.length
  }

  /** The next to leave. */
  peek(): MemoryMessage | undefined {
    return this.#items[0]
  }

  /** All of them, in no order. */
  values(): readonly MemoryMessage[] {
    return this.#items
  }

  push(message: MemoryMessage): void {
    message.slot = this.#items.length
    this.#items.push(message)
    this.#rise(message)
  }

  pop(): MemoryMessage | undefined {
    const first = this.#items[0]
    if (first !== undefined) this.remove(first)
    return first
  }

  /** Takes out a message that is in this heap. */
  remove(message: MemoryMessage): void {
    const hole = message.slot
    message.slot = -1
    const last = this.#items.pop()
    if (last === undefined || last === message) return
    this.#items[hole] = last
    last.slot = hole
    this.#rise(last)
    this.#sink(last)
  }

  #rise(message: MemoryMessage): void {
    const items = this.#items
    let at = message.slot
    while (at > 0) {
      const up = (at - 1) >> 1
      const parent = items[up]
      if (parent === undefined || !this.#before(message, parent)) break
      items[at] = parent
      parent.slot = at
      at = up
    }
    items[at] = message
    message.slot = at
  }

  #sink(message: MemoryMessage): void {
    const items = this.#items
    let at = message.slot
    for (;;) {
      let down = 2 * at + 1
      let child = items[down]
      if (child === undefined) break
      const right = items[down + 1]
      if (right !== undefined && this.#before(right, child)) {
        child = right
        down++
      }
      if (!this.#before(child, message)) break
      items[at] = child
      child.slot = at
      at = down
    }
    items[at] = message
    message.slot = at
  }
}
