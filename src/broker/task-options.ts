import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { Dependencies } from '../core/dependency.ts'
import type { Duration } from '../core/duration.ts'
import type { Labels, Priority, ReservedLabels } from '../core/labels.ts'
import type { RetryOptions } from '../core/retry.ts'
import type { ScheduleLine } from '../core/schedule-line.ts'
import type { ClaimCheckOptions } from './claim-check.ts'
import type { TaskExpiryOptions } from './expiry.ts'
import type {
  ConcurrencyOptions,
  FairOptions,
  OrderedOptions,
  TaskRateOptions,
} from './gate-options.ts'
import type { DebounceOptions, ThrottleOptions, UniqueOptions } from './unique-options.ts'

/** Any Standard Schema (zod, valibot, arktype, …). */
export type Schema = StandardSchemaV1<unknown, unknown>
/** What goes into a schema. */
export type In<S> = S extends Schema ? StandardSchemaV1.InferInput<S> : never
/** What comes out of a schema. */
export type Out<S> = S extends Schema ? StandardSchemaV1.InferOutput<S> : never

/** One name per argument, in order: a tuple as long as the handler's arguments. */
export type ParamNames<A extends readonly unknown[]> = { readonly [K in keyof A]: string }

/** Labels that a user may set: his own, and the reserved ones that are his to choose. */
export type UserLabels = Labels &
  Pick<ReservedLabels, 'timeout' | 'max_retries' | 'retry_on_error' | 'priority'>

/**
 * How a task is defined. Nothing here depends on the handler's type: that is inferred after, and
 * `TaskFaults` compares the two.
 */
export interface TaskOptions<
  D extends Dependencies | undefined,
  S extends Schema | undefined,
  P extends readonly string[] | undefined,
  L extends readonly ScheduleLine[] | undefined,
> {
  /** Under which it is registered and found by workers. Unique in a broker; letters, digits and `_ . : - /`. */
  name: string
  /**
   * Other names under which messages for it arrive, such as the one that its code had in Celery: a
   * worker runs them as its own. Unique in a broker, as names are. It is sent under its name alone.
   */
  aliases?: readonly string[] | undefined
  /** What the handler gets in its first object. */
  deps?: D
  /** The schema of the one object that the task takes: sent raw, checked at send, parsed on the worker. */
  input?: S
  /** Names of the positional arguments, so that callers who name theirs (Python) can be bound. */
  params?: P
  /** Recurring plans. Checked at definition; needs a scheduler to fire. */
  schedule?: L
  /** Default `'default'`. */
  queue?: string | undefined
  /** How long one run may take; none by default. A run that is over time is aborted, then given up. */
  timeout?: Duration | undefined
  /**
   * How long after it was sent a message may start; after that it is set aside as `expired`. Of a plan it
   * counts from the slot, of a step of a workflow from when its turn comes. Default: for ever.
   */
  expires?: Duration | TaskExpiryOptions | undefined
  /** How long an aborted run may take to end before its slot is freed and it is reported as stuck. Default 5 s. */
  grace?: Duration | undefined
  /** Default: the broker's; `false` for none. */
  retry?: RetryOptions | false | undefined
  /** Travel with every message of the task. */
  labels?: UserLabels | undefined
  /** Default `'normal'`. */
  priority?: Priority | undefined
  /** Whether and for how long its results are kept. Default: the broker's; `false` keeps none (failures neither). */
  result?: false | { expiresIn?: Duration | undefined } | undefined
  /** Keeps large arguments beside the results. Default: as the broker's; `false`: they travel, whatever their size. */
  claimCheck?: ClaimCheckOptions | false | undefined
  /**
   * How many messages of this task run at once, over all processes; with a `key`, of each key. A full key
   * blocks no other. A list for several limits.
   */
  concurrency?: number | ConcurrencyOptions | readonly ConcurrencyOptions[] | undefined
  /**
   * How many runs begin in which time, over all processes. A message whose time has not come goes back into
   * the store until then, and blocks nothing.
   */
  rate?: TaskRateOptions | undefined
  /** Runs the messages of a key one after the other, first in, first out, over retries too. */
  ordered?: OrderedOptions | undefined
  /** Serves keys by turns, so that one with many messages does not stand before one with few. */
  fair?: FairOptions | undefined
  /** At most one message of this task and key at a time. At most one of `unique`, `debounce` and `throttle`. */
  unique?: UniqueOptions | undefined
  /** Runs once when calls of one key have ceased for a while: each replaces the one before. */
  debounce?: DebounceOptions | undefined
  /** Sends the first call of a key; what follows within a time is dropped. */
  throttle?: ThrottleOptions | undefined
  /**
   * Runs the handler in a thread or process of its own, which can truly be killed at its timeout.
   * The task must be exported by the module that defines it.
   */
  isolate?: 'thread' | 'process' | undefined
}
