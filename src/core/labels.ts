/** What a label may hold (TaskIQ's five types). */
export type LabelValue = string | number | bigint | boolean | Uint8Array

/** Key/values that travel with a message and come back with its result. */
export interface Labels {
  readonly [name: string]: LabelValue
}

/** None. One object for all, so that `===` tells that there is nothing to merge. */
export const noLabels: Labels = Object.freeze({})

/** A message's place in its queue: 9 first. The names are 1, 4, 7 and 9. */
export type Priority =
  | 'low'
  | 'normal'
  | 'high'
  | 'critical'
  | 0
  | 1
  | 2
  | 3
  | 4
  | 5
  | 6
  | 7
  | 8
  | 9

/**
 * Labels with a meaning of their own. Those without a prefix are TaskIQ's and mean what they mean
 * there, so `timeout` is in seconds and `max_retries` counts runs; everywhere else in this house `max`
 * counts retries. Those with `tw_` are ours.
 */
export interface ReservedLabels {
  /** Seconds the handler may run. */
  timeout?: number | undefined
  /** Runs in all (TaskIQ counts runs; our `retry.max` plus one). */
  max_retries?: number | undefined
  /** Whether TaskIQ's retry middleware would retry it. */
  retry_on_error?: boolean | undefined
  /** Failed runs so far. */
  _retries?: number | undefined
  /** 0–9, 9 first. */
  priority?: Priority | undefined
  /** The queue that the message was sent to. */
  queue_name?: string | undefined
  /** The message that was running when this one was sent, and the first of that line. */
  tw_parent?: string | undefined
  tw_root?: string | undefined
  /** The run of the workflow that the message is a step of. */
  tw_run?: string | undefined
  /** Where the arguments are kept, which are too large to travel, and how many bytes they are. */
  tw_args?: string | undefined
  tw_args_bytes?: number | undefined
  /** Milliseconds since 1970 after which the message is not run any more. */
  tw_expires?: number | undefined
  /** The same moment where it holds for what the message sends, too. */
  tw_deadline?: number | undefined
  /** The plan that a scheduler sent the message for. */
  schedule_id?: string | undefined
  /** The time for which it was planned: milliseconds since 1970. Absent for one that was asked for by hand. */
  tw_slot?: number | undefined
}

/** Names of the labels that a user must not set by hand, with what to use instead. */
export const managedLabels: ReadonlyMap<string, string> = new Map([
  ['_retries', 'it counts the failed runs and is kept by the worker'],
  ['tw_parent', 'it is set when a task sends another'],
  ['tw_root', 'it is set when a task sends another'],
  ['tw_run', 'it is set when a workflow is sent'],
  ['tw_args', "it is set for large arguments, by the broker's `claimCheck`"],
  ['tw_args_bytes', "it is set for large arguments, by the broker's `claimCheck`"],
  ['tw_expires', 'use kicker().withExpiry(…)'],
  ['tw_deadline', 'use kicker().withExpiry(…, { children: true })'],
  ['schedule_id', 'it is set by the scheduler'],
  ['tw_rate_at', 'it is set by the worker'],
  ['tw_slot', 'it is set by the scheduler'],
  ['queue_name', "use the task's `queue` or kicker().withQueue(…)"],
])

const named = { low: 1, normal: 4, high: 7, critical: 9 } as const

/** The priority of a message that names none. */
export const normalPriority = 4

/**
 * The number of a {@link Priority}; also reads what comes from a wire (`'5'`, `'high'`).
 * `undefined` where it is none of these.
 */
export function priorityNumber(value: unknown): number | undefined {
  if (typeof value === 'number' || typeof value === 'bigint') {
    const level = Number(value)
    return Number.isInteger(level) && level >= 0 && level <= 9 ? level : undefined
  }
  if (typeof value !== 'string') return undefined
  if (Object.hasOwn(named, value)) return named[value as keyof typeof named]
  return /^[0-9]$/.test(value) ? Number(value) : undefined
}
