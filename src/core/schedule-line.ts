import type { Duration } from './duration.ts'

/**
 * A line of a task's `schedule` option. Exactly one of `cron`, `every` and `at`; `args` must fit the
 * handler.
 */
export type ScheduleLine = {
  readonly args?: readonly unknown[] | undefined
} & (
  | {
      readonly cron: string
      readonly timezone?: string | undefined
      readonly overlap?: 'allow' | 'skip' | undefined
      readonly every?: never
      readonly at?: never
    }
  | {
      readonly every: Duration
      readonly overlap?: 'allow' | 'skip' | undefined
      readonly cron?: never
      readonly at?: never
      readonly timezone?: never
    }
  | {
      readonly at: Date | string
      readonly cron?: never
      readonly every?: never
      readonly overlap?: never
      readonly timezone?: never
    }
)
