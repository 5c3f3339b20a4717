import type { ErrorData } from '../core/error-data.ts'
import type { LogLevel } from '../core/logger.ts'
import type { Message } from '../core/message.ts'

/** What an isolated run is told. */
export interface IsolatedCall {
  readonly kind: 'call'
  /** The module that exports the task. */
  readonly file: string
  readonly message: Message
  readonly queue: string
  readonly attempt: number
  readonly redeliveries: number
  /** Whether what it sends carries its parent and root. */
  readonly lineage: boolean
  /** Whether its value has to be plain data; otherwise a codec of the user's own decides. */
  readonly plain: boolean
}

/** From the worker to the isolated run. */
export type ToIsolated =
  | IsolatedCall
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
      readonly level: LogLevel
      readonly message: string
      readonly fields: Readonly<Record<string, unknown>>
    }
