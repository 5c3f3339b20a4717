import type { KeepOptions } from '../coalescing/lease-beat.ts'
import type { LedgerMemory } from '../coalescing/shared-ledger.ts'
import type { ErrorData } from '../core/error-data.ts'
import type { ExtendReport } from '../core/transport.ts'
import type { RedisOptions } from './redis-options.ts'

/** What the thread that keeps leases is started with. */
export interface LeaseThreadData {
  readonly options: RedisOptions
  /** The name of the instance whose consumers it speaks for. */
  readonly instance: string
  /** Grows while the event loop of the main thread turns. */
  readonly beats: SharedArrayBuffer
}

/** From the main thread. */
export type ToLeaseThread =
  | {
      readonly kind: 'keeper'
      readonly keeper: number
      readonly options: KeepOptions
      readonly ledger: LedgerMemory
    }
  /** The names of queues, by the numbers that tokens have for them. */
  | { readonly kind: 'queues'; readonly queues: readonly string[] }
  | { readonly kind: 'keeperEnd'; readonly keeper: number }

/** To the main thread. `ready`: connected; from now on it renews. */
export type FromLeaseThread =
  | { readonly kind: 'ready' }
  | { readonly kind: 'renewed'; readonly keeper: number; readonly report: ExtendReport }
  | { readonly kind: 'notRenewed'; readonly keeper: number; readonly error: ErrorData }
