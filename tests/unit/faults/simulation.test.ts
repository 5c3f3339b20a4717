/** The share of the simulation that every commit runs; `npm run faults -- --simulate --seeds N` runs more. */
import { describe, expect, it } from 'vitest'
import { mutations } from '../../faults/simulation/mutations.ts'
import { caughtBy, runSeeds } from '../../faults/simulation/run-seeds.ts'
import { simulate } from '../../faults/simulation/simulate.ts'

describe('the worker, its settle and lease logic under random faults', () => {
  it('holds what it promises in two thousand seeds, the same at each commit', async () => {
    const { findings, messages, vanished } = await runSeeds(1, 2000)
    expect(findings).toEqual([])
    expect(messages).toBeGreaterThan(10_000)
    expect(vanished).toBeGreaterThan(1000)
  }, 240_000)

  it('is repeatable by its seed', async () => {
    const story = async (seed: number) => (await simulate(seed)).entries
    expect(await story(7)).toEqual(await story(7))
    expect(await story(8)).not.toEqual(await story(7))
  })
})

describe('the protocol with one thing wrong', () => {
  it.each(mutations)(
    'is caught: $name ($wrong)',
    async (mutation) => {
      expect(await caughtBy(mutation, 300)).toBeDefined()
    },
    60_000,
  )
})
