import type { Labels } from './labels.ts'

/** A recurring or one-off plan. Exactly one of `cron`, `every` and `at` is set. */
export interface SchedulePlan {
  readonly id: string
  readonly task: string
  readonly args: readonly unknown[]
  readonly kwargs: Readonly<Record<string, unknown>>
  readonly labels: Labels
  readonly cron?: string | undefined
  /** IANA name; UTC where absent. */
  readonly timezone?: string | undefined
  /** Milliseconds. */
  readonly every?: number | undefined
  /** Milliseconds since 1970. */
  readonly at?: number | undefined
}

/** Where plans are kept. */
export interface ScheduleSource {
  readonly name: string
  start(): Promise<void>
  stop(): Promise<void>
  /** All plans as they stand now. Throws when it cannot tell: an empty list would look like "all deleted". */
  plans(): Promise<readonly SchedulePlan[]>
  /** Adds or replaces a plan by its id. */
  put(plan: SchedulePlan): Promise<void>
  /** Deletes a plan; `false` when there was none. */
  remove(id: string): Promise<boolean>
}
