import type { BrokerIdentity } from '../broker/broker-identity.ts'
import type { Duration } from '../core/duration.ts'
import type { ScheduleSource } from '../core/schedule-source.ts'

/** Options of `createScheduler`. */
export interface SchedulerOptions {
  /** Through which it sends. Its transport must keep schedules: memory, SQLite or Redis. */
  broker: BrokerIdentity
  /** Where its plans come from. Default: the `schedule` options of the broker's tasks, and the broker's own store. */
  sources?: readonly ScheduleSource[] | undefined
  /**
   * Schedulers of one name lead each other: one works, the others wait for its end. Default: follows from the
   * sources, so that schedulers with other plans never wait for each other.
   */
  name?: string | undefined
  /** How long a leader that died is waited for. Default `'5s'`. */
  lease?: Duration | undefined
  /** How often sources are asked for changes. Default `'1s'`. */
  updateInterval?: Duration | undefined
  /** Makes up for nothing that was due before the start, whatever the plans' misfire policies. Default false. */
  skipFirstRun?: boolean | undefined
}
