/**
 * What a child process is asked to do, and what it answers. Plain data: it crosses between processes.
 */

import type { FlowShape } from './subject.ts'

/** Which subject, and where its store is. */
export interface SubjectName {
  /** `taskwright`, `raw`, or the name of a peer. */
  readonly peer: string
  readonly engine: string
  readonly place: string
  readonly results: boolean
}

/** How tasks are sent. */
export type Way = 'single' | 'together' | 'bulk'

/** One thing to do. `warm` tasks go first and are not measured. */
export type Step =
  /** Fills the store by the fastest way there is; not measured. */
  | { readonly kind: 'fill'; readonly tasks: number }
  | { readonly kind: 'enqueue'; readonly way: Way; readonly tasks: number; readonly warm: number }
  | {
      readonly kind: 'process'
      readonly tasks: number
      readonly warm: number
      readonly concurrency: number
      readonly prefetch: number
      readonly sleep: number
    }
  /** Sends tasks, or workflows, and waits for their results, `inFlight` at a time. */
  | {
      readonly kind: 'request'
      readonly tasks: number
      readonly warm: number
      readonly inFlight: number
      readonly flow?: FlowShape
    }
  /** Sends one chord of so many steps, until all of them are in their queue. */
  | { readonly kind: 'spread'; readonly tasks: number }
  /** Waits for the end of that chord. */
  | { readonly kind: 'gather'; readonly tasks: number }
  /** Sends a task every `every` milliseconds, marked with the time. */
  | {
      readonly kind: 'pace'
      readonly tasks: number
      readonly warm: number
      readonly every: number
    }
  /** Runs tasks beside the steps that follow; as the last step, until the parent says stop. */
  | { readonly kind: 'serve'; readonly concurrency: number; readonly prefetch: number }
  /** Runs tasks until none has come for a while. */
  | { readonly kind: 'drain'; readonly concurrency: number; readonly prefetch: number }
  /** Runs tasks and looks at the heap again and again. */
  | { readonly kind: 'leak'; readonly tasks: number; readonly concurrency: number }
  /** How many bytes of heap the stored tasks take. */
  | { readonly kind: 'weigh'; readonly tasks: number }

/** What a step came to. Times are in microseconds per task unless their names say otherwise. */
export interface Report {
  readonly tasks: number
  readonly seconds: number
  /** CPU of the main thread, and of all other threads: for SQLite that is the database's. */
  readonly client: number
  readonly store: number
  readonly rssMb: number
  readonly heapMb: number
  /** Milliseconds, sorted: round trips, or from send to start. */
  readonly times?: readonly number[]
  /** When the first and the last task ran, in milliseconds of the machine's monotonic clock. */
  readonly firstAt?: number
  readonly lastAt?: number
  readonly leak?: Leak
  readonly bytesPerTask?: number
}

/** What a long run left behind. */
export interface Leak {
  /** Heap after a collection, in bytes, at equal distances. */
  readonly heap: readonly number[]
  /** Growth of the last three quarters, in bytes per 1,000 tasks. */
  readonly bytesPerThousand: number
  readonly handles: readonly [first: number, last: number]
  readonly listeners: readonly [first: number, last: number]
}

/** From the parent. */
export type ToChild =
  | { readonly kind: 'run'; readonly subject: SubjectName; readonly steps: readonly Step[] }
  | { readonly kind: 'stop' }

/** To the parent. `serving`: a worker has started, the other process may send. */
export type FromChild =
  | { readonly kind: 'serving' }
  | { readonly kind: 'done'; readonly reports: readonly Report[] }
  | { readonly kind: 'failed'; readonly message: string }
