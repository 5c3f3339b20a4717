import type { Duration } from '../core/duration.ts'

/** What the key of a call is made of: its arguments, the one object of a task with `input`. */
export type KeyOf = (...args: never[]) => string

/** At most one message of a task and key. */
export interface UniqueOptions {
  /** Annotate the arguments that you look at: `key: (id: string) => id`. Default: all arguments, as JSON. */
  key?: KeyOf | undefined
  /**
   * How long a message keeps its key. `queued`: until it starts. `queued-or-running` (default): until it
   * has ended. `window`: for `window` from when it was sent.
   */
  while?: 'queued' | 'queued-or-running' | 'window' | undefined
  window?: Duration | undefined
  /**
   * What a second send comes to. `return-existing` (default): the handle of the message that is there.
   * `drop`: a handle that says so, whose `result()` rejects. `replace`: the one that is there is cancelled,
   * and this one sent. `error`: `kiq` rejects with a `ConflictError`.
   */
  onConflict?: 'return-existing' | 'drop' | 'replace' | 'error' | undefined
}

/** Runs once after the last of many calls that come close together. */
export interface DebounceOptions {
  key?: KeyOf | undefined
  /** How long it must be quiet before the task runs, with the arguments of the last call. */
  wait: Duration
  /** The task runs no later than this after the first call, however many follow. */
  most?: Duration | undefined
}

/** Sends the first of many calls, and drops those that follow within a time. */
export interface ThrottleOptions {
  key?: KeyOf | undefined
  every: Duration
}

/** What a task does about calls that are the same. */
export type Conflict = NonNullable<UniqueOptions['onConflict']>

/** One of the three, read. */
export interface UniquePolicy {
  readonly key: KeyOf | undefined
  readonly while: 'queued' | 'queued-or-running' | 'window'
  /** Milliseconds. */
  readonly window: number | undefined
  readonly onConflict: Conflict
  /** Milliseconds that each message waits. */
  readonly delay: number | undefined
  /** Milliseconds after the first at which it runs at the latest. */
  readonly within: number | undefined
}
