/** A share of the seeds in a process of its own. */
import { runSeeds } from './run-seeds.ts'

const [, , first, count] = process.argv
process.send?.(await runSeeds(Number(first), Number(count)), () => process.exit(0))
