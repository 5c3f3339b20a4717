import type { Duration } from './duration.ts'
import type { Labels } from './labels.ts'

/**
 * Whose cron a line is written in.
 *
 * - `taskwright`: 5 fields, or 6 with seconds first; names, `@daily` and its family, `L`, `W`, `#`; the two
 *   day fields are OR-ed where both are given (as in Vixie cron); Sunday is 0 or 7.
 * - `celery`: `crontab(…)` in the order of its `from_string`: 5 fields, ranges may wrap, the day fields
 *   are AND-ed, Sunday is 0 (7 is refused).
 * - `taskiq`: what its scheduler (pycron) reads: 5 fields, one space between them, a step counts from 0
 *   (`*\/2` for days is the even ones), month names are unknown, the day fields are OR-ed unless one of
 *   them has a `*`.
 */
export type CronDialect = 'taskwright' | 'celery' | 'taskiq'

/**
 * What a plan does when it is due while the message of its last fire is not done (waits, runs or is
 * between two tries).
 *
 * - `allow` (default): both.
 * - `skip`: this fire is left out, and counted.
 * - `queue-one`: this fire waits until the last one is done; one waits at most, others are left out.
 * - `cancel-running`: the last one is cancelled, then this one is sent.
 */
export type OverlapPolicy = 'allow' | 'skip' | 'queue-one' | 'cancel-running'

/**
 * What becomes of fires whose time passed while no scheduler could send them.
 *
 * - `once` (default): of those within the window the last one is sent.
 * - `all`: every one within the window is sent, oldest first.
 * - `skip`: none is sent.
 *
 * Whatever is not sent is counted as missed.
 */
export type MisfirePolicy = 'skip' | 'once' | 'all'

/** A {@link MisfirePolicy} with its times. */
export interface MisfireOptions {
  readonly policy: MisfirePolicy
  /** How old a fire may be to be made up for. Default 10 minutes; for a plan with `at` any age. */
  readonly within?: Duration | undefined
  /**
   * From which age on a fire counts as missed; younger ones are sent, each of them, whatever the policy.
   * Default 15 seconds: longer than another scheduler needs to take over.
   */
  readonly after?: Duration | undefined
}

/** What all kinds of lines share. */
export interface ScheduleSettings {
  /**
   * Names the plan, for ever: what is known of its last fire goes by it. Default: the name of the task
   * (`name:2`, `name:3`… for its further lines).
   */
  readonly id?: string | undefined
  /** Must fit the handler. */
  readonly args?: readonly unknown[] | undefined
  /** Travel with its messages, over the task's own. */
  readonly labels?: Labels | undefined
  /** Default: the task's own. */
  readonly queue?: string | undefined
  /** IANA name, in which cron lines, and dates without an offset, are read. Default UTC. */
  readonly timezone?: string | undefined
  /** No fire before this moment. Intervals are counted from it. */
  readonly start?: Date | string | undefined
  /** No fire at or after this moment. */
  readonly end?: Date | string | undefined
  /** The most messages that are ever sent. */
  readonly limit?: number | undefined
  /** Each fire is sent up to so much later: a share that follows from id and time, the same in every scheduler. */
  readonly jitter?: Duration | undefined
  readonly misfire?: MisfirePolicy | MisfireOptions | undefined
}

/** When a plan is due: exactly one of `cron`, `every` and `at`. */
export type ScheduleTiming =
  | {
      readonly cron: string
      readonly dialect?: CronDialect | undefined
      readonly overlap?: OverlapPolicy | undefined
      readonly every?: never
      readonly subSecond?: never
      readonly at?: never
    }
  | {
      /** Counted from `start`, or from the moment at which a scheduler first saw the plan. One second or more. */
      readonly every: Duration
      /** Allows `every` to be less than a second. */
      readonly subSecond?: boolean | undefined
      readonly overlap?: OverlapPolicy | undefined
      readonly cron?: never
      readonly dialect?: never
      readonly at?: never
    }
  | {
      /** Once. A text without an offset is read in `timezone`. */
      readonly at: Date | string
      readonly cron?: never
      readonly dialect?: never
      readonly every?: never
      readonly subSecond?: never
      readonly overlap?: never
    }

/**
 * A line of a task's `schedule` option. Exactly one of `cron`, `every` and `at`; `args` must fit the
 * handler.
 */
export type ScheduleLine = ScheduleSettings & ScheduleTiming

/** A line of one kind, without what the call gives by itself. */
export type LineOf<K extends 'cron' | 'every' | 'at'> = Omit<
  Extract<ScheduleLine, { readonly [P in K]: unknown }>,
  'args' | Exclude<'cron' | 'every' | 'at', K>
>
