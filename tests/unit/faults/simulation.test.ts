/** The share of the simulation that every commit runs; `npm run faults -- --simulate --seeds N` runs more. */
import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { mutations } from '../../faults/simulation/mutations.ts'
import { caughtBy, runSeeds } from '../../faults/simulation/run-seeds.ts'
import { simulate } from '../../faults/simulation/simulate.ts'

describe('the worker, its settle and lease logic under random faults', () => {
  it('holds what it promises in a thousand seeds that are always the same', async () => {
    expect((await runSeeds(1, 1000)).findings).toEqual([])
  }, 120_000)

  it('holds what it promises in a thousand seeds of this commit', async () => {
    const { findings, messages, vanished } = await runSeeds(seedOfCommit(), 1000)
    expect(findings).toEqual([])
    expect(messages).toBeGreaterThan(5000)
    expect(vanished).toBeGreaterThan(500)
  }, 120_000)

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

/** Other seeds at each commit, and the same ones when it is looked at again. */
function seedOfCommit(): number {
  try {
    const commit = execFileSync('git', ['rev-parse', 'HEAD'], { encoding: 'utf8' })
    return 1_000_000 + Number.parseInt(commit.slice(0, 7), 16)
  } catch {
    return 1_000_000
  }
}
