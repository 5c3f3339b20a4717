import type { FireState } from '../core/fire-ledger.ts'
import type { SchedulePlan } from '../core/schedule-plan.ts'
import type { WorkflowHandle } from '../broker/canvas/workflow-handle.ts'
import type { TaskHandle } from '../broker/task-handle.ts'
import type { BrokerIdentity } from '../broker/broker-identity.ts'
import type { BadPlan } from './plan-book.ts'
import type { SchedulerOptions } from './scheduler-options.ts'
import type { SchedulerCounts } from './scheduler-counts.ts'

/** Marks schedulers, whichever copy of this package made them. */
export const schedulerKey: unique symbol = Symbol.for('taskwright.scheduler')

/** A plan as it stands. */
export interface PlannedTask {
  readonly plan: SchedulePlan
  /** The name of its source. */
  readonly source: string
  /** `null`: no scheduler has seen it yet. */
  readonly state: FireState | null
  /** Its next slot from now, without jitter; `null` when it has no more, or is paused. */
  readonly next: Date | null
}

/** What a leader last told of itself. */
export interface LeaderReport {
  readonly host: string
  readonly pid: number
  /** Milliseconds since 1970. */
  readonly since: number
  readonly plans: number
  readonly counts: SchedulerCounts
}

/** One group of schedulers. */
export interface LeaderStatus {
  readonly group: string
  readonly holder: string
  /** Its lease has not ended. */
  readonly alive: boolean
  /** Milliseconds since the lease ended, or until it does (negative). */
  readonly goneFor: number
  readonly report: LeaderReport | undefined
}

/** How schedulers do, seen from any process. */
export interface SchedulerStatus {
  /**
   * `healthy`: somebody leads this scheduler's group and nothing is overdue. `stalled`: somebody leads, and a plan
   * is overdue. `absent`: nobody leads.
   */
  readonly health: 'healthy' | 'stalled' | 'absent'
  readonly leaders: readonly LeaderStatus[]
  readonly plans: number
  readonly paused: number
  /** Plans whose next slot has been due for longer than 15 seconds, or two leases. */
  readonly overdue: readonly string[]
  /** Plans that cannot be fired. */
  readonly bad: readonly BadPlan[]
  /** Sums over all plans, since they were made. */
  readonly fired: number
  readonly missed: number
  readonly skipped: number
}

/** What a start may change of the options. */
export type SchedulerStartOptions = Pick<SchedulerOptions, 'skipFirstRun' | 'updateInterval'>

/** Fires plans. Any number of them may run at once: each slot is fired once. */
export interface Scheduler extends AsyncDisposable {
  /** The broker that it sends through. */
  readonly [schedulerKey]: BrokerIdentity
  /** Whether this one does the work now. */
  readonly leads: boolean
  /** What this one has done. */
  readonly counts: SchedulerCounts
  /**
   * Opens the broker and the sources, checks every plan, and begins to fire. Idempotent.
   * @throws DefinitionError for a plan in code that cannot be fired; UnsupportedError where the transport keeps no
   * schedules.
   */
  start(options?: SchedulerStartOptions): Promise<void>
  /** Ends what is being fired and gives the lead away. Idempotent. It may be started again. */
  stop(): Promise<void>
  /** All plans of its sources. Also before `start`; it fires nothing. */
  plans(): Promise<readonly PlannedTask[]>
  /** The next slots of a plan. @throws InvalidInputError when there is no such plan. */
  next(id: string, count?: number): Promise<readonly Date[]>
  /** Pauses a plan, in force for every scheduler when it has resolved. @throws InvalidInputError as above. */
  pause(id: string): Promise<void>
  /** Lets a plan go on with its next slot. @throws InvalidInputError as above. */
  resume(id: string): Promise<void>
  /** Sends the message of a plan, or starts its workflow, now. @throws InvalidInputError as above. */
  run(id: string): Promise<TaskHandle<unknown> | WorkflowHandle<unknown>>
  /**
   * Deletes a plan. @throws InvalidInputError as above; UnsupportedError for one that is written in code (pause it).
   */
  remove(id: string): Promise<void>
  /** How it and all others do. */
  status(): Promise<SchedulerStatus>
}
