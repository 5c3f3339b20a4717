import type { Duration } from '../core/duration.ts'
import type { WorkerEvents } from './worker-events.ts'

/** What a worker is doing now. */
export interface WorkerCounts {
  /** Handlers. */
  readonly running: number
  /** Ended, and on their way into the store. */
  readonly settling: number
  readonly prefetched: number
  readonly settled: number
  readonly stuck: number
  /** Messages of plans that another kind of scheduler sent, such as TaskIQ's (see `foreignFires`). */
  readonly foreignFires: number
}

/** Runs tasks: fetches messages, runs their handlers, settles them, keeps their leases. */
export interface Worker extends AsyncDisposable {
  readonly name: string
  readonly queues: readonly string[]
  /** Starts fetching. Idempotent; a stopped worker cannot be started again. */
  start(): Promise<void>
  /**
   * Stops: no more fetching, what has not started is given back, running handlers may end for
   * `timeout` (default `shutdownTimeout`), then are aborted, then given back. Uses up no attempt of
   * anything that did not end by itself. Idempotent; a second call with a shorter timeout shortens
   * the wait.
   */
  stop(options?: { timeout?: Duration | undefined }): Promise<void>
  /** Resolves when the worker has stopped, by whatever cause (`stop()`, `maxTasks`). */
  readonly stopped: Promise<void>
  readonly counts: WorkerCounts
  /** Listens to what happens; returns a function that stops listening. */
  on<K extends keyof WorkerEvents>(kind: K, listener: (event: WorkerEvents[K]) => void): () => void
}
