/** Random canvases by seed until one finds something; prints what was seen, as JSON. */
import { memoryTransport } from '../../../src/memory/index.ts'
import { ManualClock } from '../../../src/testing/index.ts'
import { simulateWorkflow } from '../../support/workflow-simulation.ts'

/** Which seeds, and of about how many tasks at most. */
export interface SeedsWanted {
  readonly from: number
  readonly count: number
  readonly size: number
}

/** What they saw. */
export interface SeedsFound {
  /** The seed that found something, and what; `null` when none did. */
  readonly found: { readonly seed: number; readonly finding: string } | null
  readonly canvases: number
  readonly handlerRuns: number
  readonly generations: number
  readonly expansions: number
}

const { from, count, size } = JSON.parse(process.argv[2] ?? '') as SeedsWanted
let found: SeedsFound['found'] = null
let [canvases, handlerRuns, generations, expansions] = [0, 0, 0, 0]
for (let seed = from; seed < from + count && found === null; seed++) {
  const clock = new ManualClock()
  // In half of them nobody pumps: what is left to do is found by sweeps only.
  const options = { factory: memoryTransport(), clock, size, sweeperOnly: seed % 2 === 0 }
  try {
    const seen = await simulateWorkflow(seed, options)
    canvases++
    handlerRuns += seen.runs
    generations += seen.generations
    expansions += seen.expansions
  } catch (error) {
    found = { seed, finding: (error as Error).message.slice(0, 200) }
  }
}
const seen: SeedsFound = { found, canvases, handlerRuns, generations, expansions }
process.stdout.write(JSON.stringify(seen))
