import type { Outcome } from './row.ts'
import { seedsInCopy, withBudget } from './simulation/workflow-copy.ts'
import { workflowMutations } from './simulation/workflow-mutations.ts'

/** A mutation that so many seeds do not catch would not be caught in the code either. */
const mostSeeds = 2000
/** Sizes of canvases, and how much one step may do; the last is what it is in the code. */
const sizes = [30, 200]
const budgets = [1, 5, 40, 250]

/** Random canvases in virtual time, under every budget of a step: each state is that of the evaluator. */
export async function workflowSimulation(
  { canvases, seed }: { readonly canvases: number; readonly seed: number },
  log: (line: string) => void,
): Promise<Outcome> {
  const faults: string[] = []
  const sum = { canvases: 0, 'handler runs': 0, generations: 0, expansions: 0 }
  for (const [i, budget] of budgets.entries()) {
    for (const [j, size] of sizes.entries()) {
      // Nine of ten are small.
      const count = Math.ceil((canvases / budgets.length) * (j === 0 ? 0.9 : 0.1))
      const from = seed + (i * sizes.length + j) * canvases
      const seen = await seedsInCopy([withBudget(budget)], { from, count, size })
      sum.canvases += seen.canvases
      sum['handler runs'] += seen.handlerRuns
      sum.generations += seen.generations
      sum.expansions += seen.expansions
      if (seen.found !== null)
        faults.push(
          `budget ${budget}, size ${size}, seed ${seen.found.seed}: ${seen.found.finding}`,
        )
      log(`budget ${budget}, size ${size}: ${seen.canvases} canvases`)
    }
  }
  return { faults, facts: sum }
}

/** The rules of workflows with one thing wrong each: all must be caught. */
export async function workflowControls(log: (line: string) => void): Promise<Outcome> {
  const facts: Record<string, number> = {}
  const faults: string[] = []
  for (const mutation of workflowMutations) {
    const { found } = await caughtBy(mutation)
    if (found === null) faults.push(`not caught: ${mutation.wrong}`)
    else {
      facts[`caught after seeds: ${mutation.wrong}`] = found.seed + 1
      log(`${mutation.wrong}: seed ${found.seed}: ${found.finding.split('\n')[0] ?? ''}`)
    }
  }
  return { faults, facts }
}

/** Small steps, so that something is left to do most of the time. */
function caughtBy(mutation: (typeof workflowMutations)[number]) {
  return seedsInCopy([mutation, withBudget(5)], { from: 0, count: mostSeeds, size: 30 })
}
