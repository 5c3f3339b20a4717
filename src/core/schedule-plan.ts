import type { Labels } from './labels.ts'
import type { CronDialect, MisfirePolicy, OverlapPolicy } from './schedule-line.ts'

/** When a plan is due. Exactly one of `cron`, `every` and `at` is set; moments and spans are milliseconds. */
export interface PlanTiming {
  readonly cron?: string | undefined
  readonly dialect?: CronDialect | undefined
  /** IANA name; UTC where absent. */
  readonly timezone?: string | undefined
  readonly every?: number | undefined
  readonly at?: number | undefined
  readonly start?: number | undefined
  readonly end?: number | undefined
  readonly limit?: number | undefined
  readonly jitter?: number | undefined
  readonly overlap?: OverlapPolicy | undefined
  readonly misfire?:
    | { readonly policy: MisfirePolicy; readonly within?: number; readonly after?: number }
    | undefined
}

/** A recurring or one-off plan: when, and which message. Plain data. */
export interface SchedulePlan extends PlanTiming {
  /** 1–250 characters without spaces and control characters; unique over all sources of a scheduler. */
  readonly id: string
  readonly task: string
  readonly args: readonly unknown[]
  readonly kwargs: Readonly<Record<string, unknown>>
  readonly labels: Labels
  /** Default: the task's own, or the broker's. */
  readonly queue?: string | undefined
  /** The id of its message where another program asked for one (TaskIQ's `task_id`). */
  readonly taskId?: string | undefined
}

/** Whether a text may name a plan. */
export function isPlanId(text: unknown): text is string {
  return typeof text === 'string' && /^[^\s\p{C}]{1,250}$/u.test(text)
}
