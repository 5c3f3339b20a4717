import type { LogLevel } from '../core/logger.ts'
import type { WorkerOptions } from '../worker/worker-options.ts'
import type { LogFormat } from './log-output.ts'

/*
 * What a supervisor and its children say to each other over Node's IPC channel. A child whose channel
 * closes has lost its parent and drains.
 */

/** All that a child needs to know. Plain data: it crosses a process border. */
export interface WorkerPlan {
  /** `FILE:EXPORT` of the broker. */
  readonly target: string
  /** Files that define tasks. */
  readonly modules: readonly string[]
  /** A glob of further files that define tasks; searched at every start. */
  readonly discover: string | undefined
  /** `FILE:EXPORT` of a scheduler, or of a broker, that runs beside the worker. */
  readonly scheduler: string | undefined
  readonly name: string | undefined
  readonly concurrency: number
  readonly prefetch: number
  readonly queues: WorkerOptions['queues']
  readonly strict: boolean | undefined
  readonly ack: 'early' | 'late'
  /** Milliseconds; `undefined` leaves it to the worker. */
  readonly lease: number | undefined
  readonly redeliveries: number | undefined
  readonly maxTasks: number | undefined
  /** Milliseconds that a drain waits for running tasks. */
  readonly shutdownTimeout: number
  readonly logLevel: LogLevel
  readonly logFormat: LogFormat
}

/** Parent → child. */
export type ParentMessage =
  | { readonly kind: 'start'; readonly slot: number; readonly plan: WorkerPlan }
  /** Fetch no more; let running tasks end for `patience` ms (for ever when absent), then abort and give back. */
  | { readonly kind: 'drain'; readonly patience?: number | undefined; readonly reason: string }
  /** Abort what runs and give it back now. */
  | { readonly kind: 'abort' }

/** A task as the banner shows it. */
export interface TaskLine {
  readonly name: string
  readonly queue: string
  /** `file:line`, where it is known. */
  readonly definedAt: string | undefined
}

/** What a child knows once it runs. */
export interface WorkerFacts {
  readonly name: string
  readonly engine: string
  readonly queues: readonly string[]
  readonly tasks: readonly TaskLine[]
}

/** Child → parent. */
export type ChildMessage =
  | { readonly kind: 'ready'; readonly facts: WorkerFacts }
  /** Said every second while the event loop turns: bytes of memory and running handlers. */
  | { readonly kind: 'pulse'; readonly rss: number; readonly running: number }
  /** It has had its share of tasks and drains: make another. */
  | { readonly kind: 'leaving' }
  /** It cannot start and ends: `load` when the user's modules are at fault, `start` when the store is. */
  | { readonly kind: 'failed'; readonly phase: 'load' | 'start'; readonly message: string }

/** How a child ended. */
export interface ChildEnd {
  readonly code: number | null
  readonly signal: string | null
}

/** A child process as its supervisor sees it. */
export interface ChildLink {
  readonly pid: number | undefined
  /** Sends a message; does nothing when the child is gone. */
  send(message: ParentMessage): void
  /** Ends it at once (SIGKILL). */
  kill(): void
  onMessage(listener: (message: ChildMessage) => void): void
  /** Called once, also when it could not be started. */
  onEnd(listener: (end: ChildEnd) => void): void
}
