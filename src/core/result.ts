import type { ErrorData } from './error-data.ts'
import type { Labels } from './labels.ts'
import type { FinalStatus } from './states.ts'
import type { Body } from './message.ts'

/** The outcome of a task as it is stored: data only. */
export interface ResultRecord {
  readonly status: FinalStatus
  /** The value, `undefined` for a void task, `null` for a failed one. */
  readonly value: unknown
  /** Seconds that the handler ran, the last attempt only (TaskIQ's `execution_time`). */
  readonly executionTime: number
  readonly labels: Labels
  readonly error: ErrorData | null
}

/** A result on its way to the store. */
export interface StoredResult {
  /** The id of the message that it answers. */
  readonly id: string
  readonly body: Body
  /** Milliseconds for which it is kept. */
  readonly expiresIn: number
}

/** The outcome of a task as the caller sees it (TaskIQ's `TaskiqResult`). */
export type TaskResult<R> = {
  readonly status: FinalStatus
  /** Seconds that the handler ran, the last attempt only. */
  readonly executionTime: number
  readonly labels: Labels
} & (
  | { readonly isErr: false; readonly returnValue: R; readonly error: null }
  | { readonly isErr: true; readonly returnValue: null; readonly error: Error }
)

/** How far a running task says it is. */
export interface Progress<Meta = unknown> {
  /** Any text: `'STARTED'`, `'halfway'`. */
  readonly state: string
  readonly meta: Meta | null
}
