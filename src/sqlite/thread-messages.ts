import type { KeepOptions } from '../coalescing/lease-beat.ts'
import type { Claim, LeaseToken } from '../core/delivery.ts'
import type { ErrorData } from '../core/error-data.ts'
import type { ExtendReport } from '../core/transport.ts'
import type { Failure } from './failure.ts'
import type { News } from './operations.ts'
import type { PackedOperation, PackedReply } from './thread-packing.ts'

/** What the database thread is started with. */
export interface ThreadOptions {
  readonly file: string
  readonly driver: string
  readonly synchronous: 'normal' | 'full'
  readonly maintenance: boolean
  /** Process numbers of a thread whose place this one takes. */
  readonly mine: readonly number[]
  /** Grows while the event loop of the main thread turns. */
  readonly beats: SharedArrayBuffer
}

/** From the main thread. */
export type ToThread =
  | {
      readonly kind: 'run'
      readonly call: number
      readonly operations: readonly PackedOperation[]
      readonly now: number
    }
  | { readonly kind: 'version'; readonly call: number }
  | { readonly kind: 'close' }
  | { readonly kind: 'keeper'; readonly keeper: number; readonly options: KeepOptions }
  | {
      readonly kind: 'held'
      readonly keeper: number
      readonly keep: readonly Claim[]
      readonly forget: readonly LeaseToken[]
    }
  | { readonly kind: 'keeperEnd'; readonly keeper: number }

/** To the main thread. */
export type FromThread =
  | { readonly kind: 'open' }
  | { readonly kind: 'failed'; readonly failure: Failure }
  | {
      readonly kind: 'ran'
      readonly call: number
      readonly replies: readonly PackedReply[]
      readonly news: News
      readonly mine: readonly number[]
    }
  | { readonly kind: 'version'; readonly call: number; readonly version: number }
  | { readonly kind: 'renewed'; readonly keeper: number; readonly report: ExtendReport }
  | { readonly kind: 'notRenewed'; readonly keeper: number; readonly error: ErrorData }
