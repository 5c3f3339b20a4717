import fc from 'fast-check'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { memoryTransport } from '../../src/memory/index.ts'
import { sqliteTransport } from '../../src/sqlite/index.ts'
import { ManualClock } from '../../src/testing/index.ts'
import { simulateWorkflow, type SimulationOptions } from '../support/workflow-simulation.ts'

const folder = mkdtempSync(join(tmpdir(), 'taskwright-workflows-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Random canvases by seed: each state, input and value is that of the evaluator, in every generation. */
function holds(runs: number, options: (seed: number) => Omit<SimulationOptions, 'clock'>) {
  const property = fc.asyncProperty(fc.nat(), async (seed) => {
    const seen = await simulateWorkflow(seed, { clock: new ManualClock(), ...options(seed) })
    expect(seen.generations).toBeGreaterThan(0)
  })
  return fc.assert(property, { numRuns: runs, endOnFailure: true })
}

it('random canvases come to what the evaluator says, whoever dies', () =>
  holds(150, () => ({ factory: memoryTransport(), size: 30 })))

it('the same where only sweeps go on with what is left to do', () =>
  holds(100, () => ({ factory: memoryTransport(), size: 30, sweeperOnly: true })))

it('large ones too', () => holds(10, () => ({ factory: memoryTransport(), size: 200 })))

it('the same in SQLite', () =>
  holds(15, (seed) => ({
    factory: sqliteTransport({ file: join(folder, `${seed}.db`), thread: false }),
    size: 25,
  })))
