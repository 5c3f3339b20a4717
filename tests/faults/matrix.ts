import type { Row } from './row.ts'
import { failpointKills } from './rows/failpoints.ts'
import { manySignals, rollingDeploys, stubbornTasks } from './rows/shutdown.ts'
import { stoppedWorkers } from './rows/stopped-workers.ts'
import { randomKills } from './rows/worker-kills.ts'

/** The rows that exist, in the order of the matrix. */
export const matrix: readonly Row[] = [
  randomKills,
  failpointKills,
  rollingDeploys,
  stubbornTasks,
  manySignals,
  stoppedWorkers,
]
