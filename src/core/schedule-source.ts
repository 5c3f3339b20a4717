import type { Clock } from './clock.ts'
import type { Logger } from './logger.ts'
import type { Random } from './random.ts'
import type { SchedulePlan } from './schedule-plan.ts'

/** What a source is given when it is opened: the broker's time, chance and place for log lines. */
export interface SourceSurroundings {
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

/** What a source answers when it is read. */
export interface PlanReading {
  /** Of this reading: given to the next one, which then tells what has changed since. */
  readonly stamp: string
  /** `plans` are all that there are; otherwise only those put since. */
  readonly whole: boolean
  readonly plans: readonly SchedulePlan[]
  /** Ids of plans that were removed since; of use where the reading is not whole. */
  readonly removed: readonly string[]
  /** What is kept but cannot be read as a plan: told to people, and left alone. */
  readonly unreadable?: readonly { readonly id: string; readonly why: string }[] | undefined
}

/**
 * Where plans are kept. One instance serves one process; several, in any number of processes, may share one
 * store. It knows nothing of fires: those are kept by the transport's {@link FireLedger}, with the messages.
 */
export interface ScheduleSource {
  /** `labels`, `sqlite`, … for people. */
  readonly name: string
  /** What names the plans that two instances share: the same place, or the same program. Of use after `start`. */
  readonly identity: string
  /** Plans may be put and removed. Otherwise both throw {@link UnsupportedError}. */
  readonly writable: boolean
  /** Opens it. Idempotent; concurrent calls share one start. */
  start(around: SourceSurroundings): Promise<void>
  /** Closes it. Idempotent; also before `start`. */
  stop(): Promise<void>
  /**
   * All plans as they stand now, or what changed since a stamp. Throws when it cannot tell: an empty list
   * would look like "all deleted".
   */
  read(since?: string): Promise<PlanReading>
  /** Adds or replaces plans by their ids: all of them or none. */
  put(plans: readonly SchedulePlan[]): Promise<void>
  /** Deletes plans; the ids that were there. */
  remove(ids: readonly string[]): Promise<readonly string[]>
}
