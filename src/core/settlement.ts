import type { Claim } from './delivery.ts'
import type { Body, Envelope } from './message.ts'
import type { NodePlace } from './node-id.ts'
import type { StoredResult } from './result.ts'
import type { DeadReason } from './states.ts'

/**
 * How a delivery ended.
 *
 * - `succeeded`, `cancelled`: the message is gone from the queue.
 * - `retry`: the same message, same id, with this body, may run again after `delay` milliseconds; in
 *   another queue where one is named. Written by the store in this very step, so that it survives any
 *   death. Its redeliveries start again at 0.
 * - `setAside`: the message is kept as a dead letter with its bytes, the reason and a detail
 *   (`failed` = the handler failed for good).
 */
export type Outcome =
  | { readonly kind: 'succeeded' }
  | {
      readonly kind: 'retry'
      readonly delay: number
      readonly body: Body
      readonly queue?: string | undefined
    }
  | { readonly kind: 'cancelled'; readonly reason: string }
  | { readonly kind: 'setAside'; readonly reason: DeadReason; readonly detail: string }

/**
 * What a workflow's store has to know of this end: the node's place, how it ended, its value, and the
 * nodes that run in its place when it expanded into more work.
 *
 * Where the run was cancelled, or has gone on without this node (another generation, `failFast`), the
 * outcome is refused with the status `cancelled`, unless it is `cancelled` itself.
 */
export interface NodePart extends NodePlace {
  readonly verdict: 'ok' | 'failed'
  /** The body of its result. Absent: that of the settlement. */
  readonly value?: Body | undefined
  /** Nodes that were put under reserved ordinals: from `lo` to `hi`, with their end and their sink. */
  readonly graft?:
    | { readonly lo: number; readonly hi: number; readonly end: number; readonly sink: number }
    | undefined
  /** The message cannot be read: whether it belongs to a workflow is only guessed from its id. */
  readonly guessed?: boolean | undefined
}

/** Everything that happens at the end of one delivery, in one atomic step where the store can. */
export interface Settlement {
  readonly claim: Claim
  readonly outcome: Outcome
  /** Stored with the outcome. First writer wins; absent for a retry and for tasks that keep no result. */
  readonly result?: StoredResult | undefined
  /** Messages that follow from this one (callbacks, next steps). Idempotent by their ids. */
  readonly followUps?: readonly Envelope[] | undefined
  /** Refused with `UnsupportedError` where the transport's `capabilities.workflows` is false. */
  readonly node?: NodePart | undefined
}

/**
 * What became of a settlement.
 *
 * - `settled`: all of it is stored.
 * - `gone`: the message is not there any more (settled already, perhaps by this very call whose
 *   answer was lost). Nothing was written.
 * - `taken`: another claim holds it, or it waits for one. Nothing was written.
 * - `cancelled`: the message, or the workflow that it belongs to, was cancelled while it ran: this
 *   outcome is refused and nothing was written; settle it again as `cancelled`.
 */
export type SettleStatus = 'settled' | 'gone' | 'taken' | 'cancelled'
