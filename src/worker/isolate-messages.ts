import type { ErrorData } from '../core/error-data.ts'
import type { Labels } from '../core/labels.ts'

/** What an isolated run is told. */
export interface IsolatedCall {
  readonly kind: 'call'
  /** The module that exports the task. */
  readonly file: string
  readonly task: string
  readonly positional: readonly unknown[]
  readonly context: {
    readonly taskId: string
    readonly queue: string
    readonly attempt: number
    readonly redeliveries: number
    readonly labels: Labels
    readonly args: readonly unknown[]
    readonly input: unknown
    readonly parentId: string | undefined
    readonly rootId: string | undefined
  }
}

/** From the worker to the isolated run. */
export type ToIsolated =
  | IsolatedCall
  | { readonly kind: 'abort'; readonly reason: ErrorData }
  | { readonly kind: 'kept'; readonly call: number; readonly error: ErrorData | undefined }

/** From the isolated run to the worker. */
export type FromIsolated =
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'error'; readonly error: ErrorData; readonly retryDelay?: number | undefined }
  | {
      readonly kind: 'progress'
      readonly call: number
      readonly state: string
      readonly meta: unknown
    }
  | {
      readonly kind: 'log'
      readonly level: 'debug' | 'info' | 'warn' | 'error'
      readonly message: string
      readonly fields: Readonly<Record<string, unknown>>
    }
