import type { Duration } from '../core/duration.ts'

/** What is kept of the dead letters of a queue. */
export interface DeadRetention {
  /** Only of this queue; all queues, each by itself, when absent. */
  readonly queue?: string | undefined
  /** No longer than this. */
  readonly keepFor?: Duration | undefined
  /** No more than the newest so many of each queue. */
  readonly keep?: number | undefined
}
