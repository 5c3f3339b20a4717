import { caughtBySeed, workflowMutations } from './simulation/workflow-mutations.ts'
import type { Outcome } from './row.ts'

/** A mutation that so many seeds do not catch would not be caught in the code either. */
const mostSeeds = 2000

/** The rules of workflows with one thing wrong each: all must be caught. */
export async function workflowControls(log: (line: string) => void): Promise<Outcome> {
  const facts: Record<string, number> = {}
  const faults: string[] = []
  for (const mutation of workflowMutations) {
    const found = await caughtBySeed(mutation, mostSeeds)
    if (found === null) faults.push(`not caught: ${mutation.wrong}`)
    else {
      facts[`caught after seeds: ${mutation.wrong}`] = found.seed + 1
      log(`${mutation.wrong}: seed ${found.seed}`)
    }
  }
  return { faults, facts }
}
