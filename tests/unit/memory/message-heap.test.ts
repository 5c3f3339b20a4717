import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MemoryMessage } from '../../../src/memory/memory-message.ts'
import { byPlace, byTime, MessageHeap } from '../../../src/memory/message-heap.ts'

function messages(times: readonly number[]): MemoryMessage[] {
  return times.map((at, seq) => {
    const message = new MemoryMessage({ id: `${seq}`, queue: 'q', priority: 4, body: '' }, seq, 0)
    message.at = at
    return message
  })
}

function drain(heap: MessageHeap): MemoryMessage[] {
  return Array.from({ length: heap.size }, () => heap.pop()).filter((it) => it !== undefined)
}

const times = fc.array(fc.nat({ max: 30 }), { maxLength: 60 })

describe('MessageHeap', () => {
  it('gives messages in the order of their times, those of one time in the order of their places', () => {
    fc.assert(
      fc.property(times, (at) => {
        const heap = new MessageHeap(byTime)
        const all = messages(at)
        for (const message of [...all].reverse()) heap.push(message)
        expect(drain(heap)).toEqual([...all].sort((a, b) => a.at - b.at || a.seq - b.seq))
        expect([heap.size, heap.peek(), heap.pop()]).toEqual([0, undefined, undefined])
        expect(all.every(({ slot }) => slot === -1)).toBe(true)
      }),
    )
  })

  it('takes any of them out', () => {
    fc.assert(
      fc.property(times, fc.infiniteStream(fc.boolean()), (at, choices) => {
        const heap = new MessageHeap(byTime)
        const all = messages(at)
        for (const message of all) heap.push(message)
        const removed = new Set(all.filter(() => choices.next().value))
        for (const message of removed) heap.remove(message)
        const rest = all.filter((message) => !removed.has(message))
        expect(new Set(heap.values())).toEqual(new Set(rest))
        expect(drain(heap)).toEqual(rest.sort((a, b) => a.at - b.at || a.seq - b.seq))
      }),
    )
  })

  it('orders by place', () => {
    const heap = new MessageHeap(byPlace)
    const [a, b, c] = messages([9, 5, 7])
    for (const message of [b, c, a]) if (message !== undefined) heap.push(message)
    expect(drain(heap)).toEqual([a, b, c])
  })
})
