import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MemoryMessage } from '../../../src/memory/memory-message.ts'
import { ReadyQueue } from '../../../src/memory/ready-queue.ts'

let seq = 0

function message(priority = 4): MemoryMessage {
  return new MemoryMessage({ id: `${++seq}`, queue: 'queue', priority, body: '' }, seq, 0)
}

/** Takes one and marks it as the store would. */
function take(queue: ReadyQueue): MemoryMessage | undefined {
  const taken = queue.take()
  if (taken !== undefined) taken.state = 'running'
  return taken
}

function drain(queue: ReadyQueue): MemoryMessage[] {
  const taken: MemoryMessage[] = []
  for (let next = take(queue); next !== undefined; next = take(queue)) taken.push(next)
  return taken
}

function putBack(queue: ReadyQueue, returned: MemoryMessage): void {
  returned.state = 'queued'
  queue.putBack(returned)
}

function withdraw(queue: ReadyQueue, withdrawn: MemoryMessage): void {
  queue.withdraw(withdrawn)
  withdrawn.state = 'running'
}

describe('ReadyQueue', () => {
  it('does whatever is done to it as a sorted list would', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('push' as const), priority: fc.nat({ max: 9 }) }),
      fc.record({ kind: fc.constant('take' as const) }),
      fc.record({ kind: fc.constantFrom('putBack', 'withdraw'), pick: fc.nat() }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const queue = new ReadyQueue()
        const waiting = new Set<MemoryMessage>()
        const held = new Set<MemoryMessage>()
        let wrong = 0
        const move = (it: MemoryMessage, from: Set<MemoryMessage>, to: Set<MemoryMessage>) => {
          from.delete(it)
          to.add(it)
        }
        const first = (): MemoryMessage | undefined =>
          [...waiting].sort((a, b) => b.priority - a.priority || a.seq - b.seq)[0]
        for (const next of steps) {
          if (next.kind === 'push') {
            const fresh = message('priority' in next ? next.priority : 4)
            queue.push(fresh)
            waiting.add(fresh)
          } else if (next.kind === 'take') {
            const [expected, taken] = [first(), take(queue)]
            wrong += Number(taken !== expected)
            if (expected !== undefined) move(expected, waiting, held)
          } else {
            const from = next.kind === 'putBack' ? held : waiting
            const chosen = [...from][('pick' in next ? next.pick : 0) % Math.max(1, from.size)]
            if (chosen === undefined) continue
            if (next.kind === 'putBack') {
              putBack(queue, chosen)
              move(chosen, held, waiting)
            } else {
              withdraw(queue, chosen)
              move(chosen, waiting, held)
            }
          }
          wrong += Number(queue.size !== waiting.size)
        }
        expect(wrong).toBe(0)
        const rest = [...waiting].sort((a, b) => b.priority - a.priority || a.seq - b.seq)
        expect(drain(queue)).toEqual(rest)
      }),
    )
  })

  it('keeps its order over more messages than it tidies at once', () => {
    const queue = new ReadyQueue()
    const all = Array.from({ length: 10_000 }, () => message())
    for (const each of all) queue.push(each)
    expect(Array.from({ length: 6_000 }, () => take(queue))).toEqual(all.slice(0, 6_000))
    const more = Array.from({ length: 100 }, () => message())
    for (const each of more) queue.push(each)
    expect(drain(queue)).toEqual([...all.slice(6_000), ...more])
    expect(queue.size).toBe(0)
  })

  it('drops stale references when they outnumber the rest', () => {
    const queue = new ReadyQueue()
    const all = Array.from({ length: 5_000 }, () => message())
    for (const each of all) queue.push(each)
    const withdrawn = all.filter((_, i) => i % 5 !== 0)
    for (const each of withdrawn) withdraw(queue, each)
    const [back] = withdrawn
    if (back !== undefined) putBack(queue, back)
    expect(drain(queue).map((each) => each.seq)).toEqual(
      all.filter((each, i) => i % 5 === 0 || each === back).map((each) => each.seq),
    )
  })

  it('refuses a priority that it has no lane for', () => {
    expect(() => new ReadyQueue().push(message(10))).toThrow(RangeError)
  })
})
