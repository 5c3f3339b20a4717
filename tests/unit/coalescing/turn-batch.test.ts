import { describe, expect, it } from 'vitest'
import { TurnBatch } from '../../../src/coalescing/turn-batch.ts'

/** A `run` whose batches end when the test says so. */
function heldRun() {
  const batches: { items: readonly number[]; end: (answers?: readonly number[]) => void }[] = []
  const run = (items: readonly number[]): Promise<readonly number[]> =>
    new Promise((resolve) => {
      batches.push({ items, end: (answers) => resolve(answers ?? items.map((item) => item * 10)) })
    })
  return { batches, run }
}

async function turn(): Promise<void> {
  for (let i = 0; i < 10; i++) await Promise.resolve()
}

describe('TurnBatch', () => {
  it('makes one batch of the calls of one turn, and answers each with its own', async () => {
    const seen: (readonly number[])[] = []
    const batch = new TurnBatch<number, number>({
      most: 100,
      run: async (items) => {
        seen.push(items)
        return items.map((item) => item * 10)
      },
    })
    const late = Promise.resolve().then(() => batch.add(4))
    const answers = await Promise.all([batch.add(1), batch.add(2), batch.add(3), late])
    expect(answers).toEqual([10, 20, 30, 40])
    expect(seen).toEqual([[1, 2, 3, 4]])
  })

  it('stays open while it grows, where it closes when all is quiet', async () => {
    const seen: (readonly number[])[] = []
    const run = async (items: readonly number[]) => {
      seen.push(items)
      return items
    }
    const inTurn = async (batch: TurnBatch<number, number>): Promise<void> => {
      const answers: Promise<number>[] = []
      // One after the other, each some hops after the one before, as tasks end that wait for nothing.
      for (let i = 0; i < 8; i++) {
        answers.push(batch.add(i))
        for (let hop = 0; hop < 3; hop++) await Promise.resolve()
      }
      await Promise.all(answers)
    }
    await inTurn(new TurnBatch({ most: 100, run, closes: 'quiet' }))
    expect(seen).toEqual([[0, 1, 2, 3, 4, 5, 6, 7]])
    seen.length = 0
    await inTurn(new TurnBatch({ most: 100, run }))
    expect(seen.length).toBeGreaterThan(1)
    seen.length = 0
    await inTurn(new TurnBatch({ most: 4, run, closes: 'quiet' }))
    expect(seen[0]).toEqual([0, 1, 2, 3])
    expect(seen.flat()).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
  })

  it('cuts what is more than the most into further batches, in order', async () => {
    const seen: number[] = []
    const batch = new TurnBatch<number, number>({
      most: 3,
      run: async (items) => {
        seen.push(items.length)
        return items
      },
    })
    const items = Array.from({ length: 8 }, (_, i) => i)
    expect(await Promise.all(items.map((item) => batch.add(item)))).toEqual(items)
    expect(seen).toEqual([3, 3, 2])
  })

  it('collects into the next batch while one is under way', async () => {
    const { batches, run } = heldRun()
    const batch = new TurnBatch<number, number>({ most: 100, run })
    const first = batch.add(1)
    await turn()
    const later = [batch.add(2), batch.add(3)]
    await turn()
    later.push(batch.add(4))
    await turn()
    expect(batches.map(({ items }) => items)).toEqual([[1]])
    batches[0]?.end()
    expect(await first).toBe(10)
    await turn()
    expect(batches.map(({ items }) => items)).toEqual([[1], [2, 3, 4]])
    batches[1]?.end()
    expect(await Promise.all(later)).toEqual([20, 30, 40])
  })

  it('runs as many batches at once as are allowed', async () => {
    const { batches, run } = heldRun()
    const batch = new TurnBatch<number, number>({ most: 1, inFlight: 2, run })
    const answers = [1, 2, 3].map((item) => batch.add(item))
    await turn()
    expect(batches.map(({ items }) => items)).toEqual([[1], [2]])
    batches[1]?.end()
    await turn()
    expect(batches.map(({ items }) => items)).toEqual([[1], [2], [3]])
    batches[0]?.end()
    batches[2]?.end()
    expect(await Promise.all(answers)).toEqual([10, 20, 30])
  })

  it.each([
    ['rejects', () => Promise.reject(new Error('no'))],
    [
      'throws',
      () => {
        throw new Error('no')
      },
    ],
  ])('fails each call of a batch that %s, and no other', async (_, fail) => {
    let runs = 0
    const batch = new TurnBatch<number, number>({
      most: 2,
      run: (items) => (++runs === 1 ? fail() : Promise.resolve(items)),
    })
    const answers = await Promise.allSettled([1, 2, 3].map((item) => batch.add(item)))
    expect(answers.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled'])
    expect(await batch.add(4)).toBe(4)
    await batch.idle()
  })

  it('lets full pieces go at once, beside so many others, and closes the rest as ever', async () => {
    const { batches, run } = heldRun()
    const batch = new TurnBatch<number, number>({
      most: 100,
      run,
      piece: { size: 3, inFlight: 2 },
    })
    const answers = Array.from({ length: 8 }, (_, i) => batch.add(i))
    // Before anything of this turn has waited.
    expect(batches.map(({ items }) => items)).toEqual([
      [0, 1, 2],
      [3, 4, 5],
    ])
    await turn()
    expect(batches).toHaveLength(2)
    batches[1]?.end()
    await turn()
    expect(batches).toHaveLength(2)
    batches[0]?.end()
    await turn()
    expect(batches[2]?.items).toEqual([6, 7])
    batches[2]?.end()
    expect(await Promise.all(answers)).toEqual([0, 10, 20, 30, 40, 50, 60, 70])
  })

  it('is idle when nothing waits and nothing is under way', async () => {
    const { batches, run } = heldRun()
    const batch = new TurnBatch<number, number>({ most: 1, run })
    await batch.idle()
    const answers = [batch.add(1), batch.add(2)]
    const order: string[] = []
    const idle = batch.idle().then(() => order.push('idle'))
    await turn()
    batches[0]?.end()
    await turn()
    order.push('second')
    batches[1]?.end()
    await idle
    expect(order).toEqual(['second', 'idle'])
    expect(await Promise.all(answers)).toEqual([10, 20])
    await batch.idle()
  })
})

describe('TurnBatch that closes with the turn', () => {
  it('waits for all that this turn of the loop has started', async () => {
    const { batches, run } = heldRun()
    const batch = new TurnBatch<number, number>({ most: 100, run, closes: 'turn' })
    void batch.add(1)
    await turn()
    void batch.add(2)
    expect(batches).toHaveLength(0)
    await new Promise((resolve) => setImmediate(resolve))
    expect(batches.map(({ items }) => items)).toEqual([[1, 2]])
  })

  it('closes at once for the last one, unless as many are under way as may be', async () => {
    const { batches, run } = heldRun()
    const batch = new TurnBatch<number, number>({ most: 100, run, closes: 'turn' })
    void batch.add(1)
    const last = batch.addLast(2)
    expect(batches.map(({ items }) => items)).toEqual([[1, 2]])
    const later = batch.addLast(3)
    expect(batches).toHaveLength(1)
    batches[0]?.end()
    expect(await last).toBe(20)
    await new Promise((resolve) => setImmediate(resolve))
    expect(batches.map(({ items }) => items)).toEqual([[1, 2], [3]])
    batches[1]?.end()
    expect(await later).toBe(30)
    await batch.idle()
  })
})
