import type { WorkflowHandle } from './canvas/workflow-handle.ts'
import type { TaskHandle } from './task-handle.ts'

/** A plan that was made at run time. Any process that knows its id can ask a scheduler for the same. */
export interface ScheduleHandle<out R> {
  readonly scheduleId: string
  /** Deletes the plan: no fire after the schedulers have heard of it (a second). False when it was gone. */
  unschedule(): Promise<boolean>
  /** Sends nothing more until {@link resume}. In force when it has resolved, for every scheduler. */
  pause(): Promise<void>
  /** Goes on with the next slot from now: those that passed meanwhile are left out. */
  resume(): Promise<void>
  /** The next slots from now, without jitter: at most `count` (default 1). */
  next(count?: number): Promise<readonly Date[]>
  /** Sends its message now, besides its slots. */
  runNow(): Promise<TaskHandle<R>>
}

/** A plan of a workflow that was made at run time. */
export interface WorkflowSchedule<out R> extends ScheduleHandle<R> {
  /** Starts a run now, besides its slots. */
  runNow(): Promise<WorkflowHandle<R>>
}
