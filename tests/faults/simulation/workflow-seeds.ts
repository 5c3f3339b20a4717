/** Random canvases by seed until one finds something: prints the seed and what was found, or null. */
import { memoryTransport } from '../../../src/memory/index.ts'
import { ManualClock } from '../../../src/testing/index.ts'
import { simulateWorkflow } from '../../support/workflow-simulation.ts'

const most = Number(process.argv[2] ?? 100)
let found: { seed: number; finding: string } | null = null
for (let seed = 0; seed < most && found === null; seed++) {
  const clock = new ManualClock()
  const options = { factory: memoryTransport(), clock, size: 30, sweeperOnly: seed % 2 === 0 }
  try {
    await simulateWorkflow(seed, options)
  } catch (error) {
    found = { seed, finding: (error as Error).message.slice(0, 200) }
  }
}
process.stdout.write(JSON.stringify(found))
