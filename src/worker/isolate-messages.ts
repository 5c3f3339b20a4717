import type { TaskLockOptions } from '../core/context.ts'
import type { Duration } from '../core/duration.ts'
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
  /** To what was asked under this number. */
  | {
      readonly kind: 'answer'
      readonly call: number
      readonly value?: unknown
      readonly error?: AskFailure | undefined
    }
  /** Run the step that was asked about under this number: nobody has kept its value. */
  | { readonly kind: 'make'; readonly call: number }
  /** The lock that was taken under this number is not held any more. */
  | { readonly kind: 'lock-lost'; readonly lock: number }

/** Why what was asked failed; with what the errors of ours say beside their message. */
export interface AskFailure {
  readonly data: ErrorData
  readonly key?: string | undefined
  readonly wait?: number | undefined
}

/** What an isolated run asks its worker to do, which has the store at hand. */
export type Ask =
  | { readonly what: 'progress'; readonly state: string; readonly meta: unknown }
  | { readonly what: 'lock'; readonly key: string; readonly options: TaskLockOptions | undefined }
  | {
      readonly what: 'extend'
      readonly lock: number
      readonly ttl: Duration | undefined
    }
  | { readonly what: 'release'; readonly lock: number }
  | {
      readonly what: 'acquire'
      readonly name: string
      readonly key: string | undefined
      readonly cost: number | undefined
      readonly wait: Duration | undefined
    }
  | {
      readonly what: 'hold-off'
      readonly name: string
      readonly key: string | undefined
      readonly retryAfter: string | number | Date
    }
  | { readonly what: 'once'; readonly key: string }

/** From the isolated run to the worker. */
export type FromIsolated =
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'error'; readonly error: ErrorData; readonly retryDelay?: number | undefined }
  | { readonly kind: 'ask'; readonly call: number; readonly ask: Ask }
  /** What a step came to that the worker said was to be made. */
  | {
      readonly kind: 'made'
      readonly call: number
      readonly value?: unknown
      readonly error?: ErrorData | undefined
    }
  | {
      readonly kind: 'log'
      readonly level: LogLevel
      readonly message: string
      readonly fields: Readonly<Record<string, unknown>>
    }
