import { describe, expect, it } from 'vitest'
import { ExpiringTable } from '../../../src/memory/expiring-table.ts'

describe('ExpiringTable', () => {
  it('shows an entry until its time', () => {
    const table = new ExpiringTable()
    table.set('a', { body: 'body', expires: 100 }, 0)
    expect([table.get('a', 99), table.has('a', 99)]).toEqual(['body', true])
    expect([table.get('a', 100), table.has('a', 100), table.size]).toEqual([null, false, 0])
    expect(table.delete('a', 100)).toBe(false)
  })

  it('keeps bytes of its own', () => {
    const table = new ExpiringTable()
    const body = Uint8Array.of(1)
    table.set('a', { body, expires: 100 }, 0)
    body[0] = 2
    expect(table.get('a', 0)).toEqual(Uint8Array.of(1))
  })

  it('drops expired entries while others are written, and only those', () => {
    const table = new ExpiringTable()
    for (let now = 0; now < 100_000; now++) {
      const expires = now % 100 === 0 ? Infinity : now + 1_000
      table.set(`id ${now}`, { body: '', expires }, now)
    }
    expect(table.size).toBeLessThan(1_000 + 1_000 + 1_500)
    for (let i = 0; i < 100_000; i += 100) expect(table.has(`id ${i}`, 100_000)).toBe(true)
  })
})
