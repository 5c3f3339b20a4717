/** Faults in real processes, judged by their ledger: the share of `npm run faults` that every commit runs. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { engines } from '../faults/engines.ts'
import { makeProgram, type Program } from '../faults/program.ts'
import { schedulerKills } from '../faults/rows/scheduler-kills.ts'
import { randomKills } from '../faults/rows/worker-kills.ts'

let program: Program
beforeAll(() => {
  program = makeProgram()
})
afterAll(() => program.remove())

describe('four workers on one SQLite file', () => {
  it('lose nothing and settle nothing twice under ten random SIGKILLs', async () => {
    const options = { program, engine: engines.sqlite, seed: 1, log: () => {} }
    const { faults, verdict } = await randomKills.run(options, randomKills.sizes.A)
    expect(faults).toEqual([])
    expect(verdict).toMatchObject({ acknowledged: 2000, succeeded: 2000, dead: {} })
    expect(verdict?.kills).toBeGreaterThanOrEqual(10)
  })
})

describe('five schedulers, the leader killed or stopped every 3 s', () => {
  it('fire each second once on one SQLite file', async () => {
    const options = { program, seed: 2, log: () => {} }
    const size = { engine: 'sqlite', seconds: 12, schedulers: 5, every: 3000 } as const
    const { faults, facts } = await schedulerKills(options, size)
    expect(faults).toEqual([])
    expect(facts['fires']).toBeGreaterThanOrEqual(10)
  })
})
