import type { Gate } from '../core/gate.ts'
import type { RateOptions } from '../core/rate-limit.ts'
import type { RateRule } from '../core/rates.ts'
import type { KeyOf } from './unique-options.ts'

/** How many messages of a task may run at once, over all processes. */
export interface ConcurrencyOptions {
  /** Annotate the arguments that you look at: `key: (tenant: string) => tenant`. Default: one limit for the whole task. */
  key?: KeyOf | undefined
  /** At most so many at once: of each key, or of the task. */
  limit: number
  /**
   * What becomes of a call that finds so many. `wait` (default): it waits its turn. `drop-newest`: it is
   * cancelled at once, and its handle says so. `cancel-running`: the oldest of those that are there is
   * cancelled, and the new one runs when that one has ended. With the latter two a message counts from when it
   * is let in until it has ended for good, also while it waits for a retry.
   */
  onFull?: WhenLimited | undefined
}

/** What becomes of a call that finds a limit full. */
export type WhenLimited = 'wait' | 'drop-newest' | 'cancel-running'

/** How many runs of a task may begin in which time, over all processes. */
export interface TaskRateOptions extends RateOptions {
  /** A rate of each key. */
  key?: KeyOf | undefined
}

/** Runs the messages of a key one after the other, in the order in which they were sent. */
export interface OrderedOptions {
  key: KeyOf
}

/** So that one key's million messages do not stand before another's ten. */
export interface FairOptions {
  key: KeyOf
  /** How many messages of a key may be ready or running at once; the others of the key wait aside. Default 10. */
  share?: number | undefined
}

/** A gate of a task, read. */
export interface GatePolicy {
  /** What its key begins with. */
  readonly name: string
  readonly key: KeyOf | undefined
  readonly limit: number
  readonly keep: boolean
  readonly full: Gate['full']
}

/** The rate of a task, read. */
export interface RatePolicy {
  readonly rule: RateRule
  readonly key: KeyOf | undefined
}
