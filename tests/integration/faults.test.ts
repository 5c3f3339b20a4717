/** Faults in real processes, judged by their ledger: the share of `npm run faults` that every commit runs. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { faultsOf } from '../faults/checker.ts'
import { killsOnSqlite } from '../faults/kills-on-sqlite.ts'
import { makeProgram, type Program } from '../faults/program.ts'

let program: Program
beforeAll(() => {
  program = makeProgram()
})
afterAll(() => program.remove())

describe('four workers on one SQLite file', () => {
  it('lose nothing and settle nothing twice under ten random SIGKILLs', async () => {
    const verdict = await killsOnSqlite(program, { seed: 1, workers: 4, tasks: 2000, kills: 10 })
    expect(faultsOf(verdict)).toEqual([])
    expect(verdict).toMatchObject({ acknowledged: 2000, succeeded: 2000, dead: {}, kills: 10 })
    expect(verdict.duplicates).toBeLessThanOrEqual(verdict.inFlight)
    // The fault was felt: what the dead had held was run by others.
    expect(verdict.recovery.count).toBeGreaterThan(0)
  })
})
