import type { Scenario } from './scenario.ts'
import { backlog } from './scenarios/backlog.ts'
import { distance } from './scenarios/distance.ts'
import { enqueue } from './scenarios/enqueue.ts'
import { leak } from './scenarios/leak.ts'
import { memoryUse, process, sleepers } from './scenarios/process.ts'
import { latency, roundTrip, workflows } from './scenarios/round-trip.ts'
import { stalls } from './scenarios/stalls.ts'
import { storedBytes } from './scenarios/stored-bytes.ts'
import { wideChord } from './scenarios/wide-chord.ts'
import { workers } from './scenarios/workers.ts'

/** All scenarios, in the order of the tables. */
export const scenarios: readonly Scenario[] = [
  enqueue,
  process,
  sleepers,
  roundTrip,
  latency,
  workflows,
  backlog,
  workers,
  distance,
  storedBytes,
  memoryUse,
  leak,
  wideChord,
  stalls,
]
