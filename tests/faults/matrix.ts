import type { Row } from './row.ts'
import { failpointKills } from './rows/failpoints.ts'
import { hungTasks } from './rows/hung-tasks.ts'
import { leaks } from './rows/leaks.ts'
import { malformedBytes } from './rows/malformed.ts'
import { oversizedData } from './rows/oversized.ts'
import { crashLoops, outOfMemory } from './rows/poison.ts'
import { manySignals, rollingDeploys, stubbornTasks } from './rows/shutdown.ts'
import {
  killedServer,
  killedServerEverysec,
  hungServer,
  refusingServer,
} from './rows/redis-outages.ts'
import {
  cutReplies,
  killedConnections,
  oneWayPartitions,
  silentPartitions,
} from './rows/redis-networks.ts'
import { durability } from './rows/redis-durability.ts'
import { failovers } from './rows/redis-failover.ts'
import { damagedKeys } from './rows/redis-keys.ts'
import { failingDisk, fullDisk } from './rows/sqlite-disks.ts'
import {
  busyWriters,
  damagedPages,
  deletedFile,
  killedWriters,
  readOnlyFile,
} from './rows/sqlite-files.ts'
import { removedConsumers } from './rows/redis-consumers.ts'
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
  removedConsumers,
  hungTasks,
  outOfMemory,
  crashLoops,
  killedServer,
  killedServerEverysec,
  durability,
  hungServer,
  killedConnections,
  cutReplies,
  silentPartitions,
  oneWayPartitions,
  failovers,
  refusingServer,
  damagedKeys,
  killedWriters,
  fullDisk,
  busyWriters,
  readOnlyFile,
  damagedPages,
  deletedFile,
  failingDisk,
  malformedBytes,
  oversizedData,
  leaks,
]
