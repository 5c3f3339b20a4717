import type { Outcome } from './row.ts'
import { mutations } from './simulation/mutations.ts'
import { caughtBy, runSeedsBeside } from './simulation/run-seeds.ts'

/** A mutation that so many seeds do not catch would not be caught in the code either. */
const mostSeeds = 500

/** Row 48: seeds of the simulation, and its mutations until they are caught. */
export async function simulationRow(
  { seed, seeds }: { seed: number; seeds: number },
  log: (line: string) => void,
): Promise<Outcome> {
  const run = await runSeedsBeside(seed, seeds, log)
  const caught: Record<string, number | string> = {}
  const missed: string[] = []
  for (const mutation of mutations) {
    const found = await caughtBy(mutation, mostSeeds)
    if (found === undefined) missed.push(mutation.name)
    else caught[`${mutation.name} caught by seed`] = found.seed
  }
  return {
    faults: [
      ...run.findings.map((one) => `seed ${one.seed}: ${one.finding}`),
      ...missed.map((name) => `mutation ${name} was not caught in ${mostSeeds} seeds`),
    ],
    facts: {
      seeds: run.seeds,
      messages: run.messages,
      steps: run.steps,
      'processes that vanished': run.vanished,
      'virtual hours': Math.round(run.elapsed / 3_600_000),
      ...caught,
    },
  }
}
