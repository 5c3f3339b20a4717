import { describe, expect, it } from 'vitest'
import { readLedger, SharedLedger } from '../../../src/coalescing/shared-ledger.ts'

describe('a shared ledger', () => {
  it('has what was written and not struck out', () => {
    const ledger = new SharedLedger(() => {})
    const first = ledger.write('first')
    ledger.write('second')
    ledger.strike(first)
    const third = ledger.write('third')
    expect(third).toBe(first)
    expect(readLedger(ledger.memory).sort()).toEqual(['second', 'third'])
  })

  it('grows, keeps what it has, and tells of its new memory', () => {
    const memories: unknown[] = []
    const ledger = new SharedLedger((memory) => memories.push(memory))
    const texts = Array.from({ length: 1000 }, (_, i) => `claim-${i}`)
    const slots = texts.map((text) => ledger.write(text))
    expect(new Set(slots).size).toBe(1000)
    expect(memories.length).toBeGreaterThan(0)
    expect(memories.at(-1)).toBe(ledger.memory)
    expect(new Set(readLedger(ledger.memory))).toEqual(new Set(texts))
    for (const slot of slots) ledger.strike(slot)
    expect(readLedger(ledger.memory)).toEqual([])
  })

  it('leaves out a slot that is being written', () => {
    const ledger = new SharedLedger(() => {})
    const slot = ledger.write('whole')
    const numbers = new Int32Array(ledger.memory.numbers)
    Atomics.add(numbers, slot, 1)
    expect(readLedger(ledger.memory)).toEqual([])
    Atomics.add(numbers, slot, 1)
    expect(readLedger(ledger.memory)).toEqual(['whole'])
  })
})
