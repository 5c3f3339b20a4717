import type { Envelope } from './message.ts'
import type { StoreIdentity } from './store.ts'

/** What a store knows of a plan's fires. Moments are milliseconds since 1970. */
export interface FireState {
  /** Every slot up to this moment has been decided: sent, left out or missed. */
  readonly mark: number
  /** From where intervals are counted. */
  readonly anchor: number
  /** The last slot for which a message was stored, and the id of that message. */
  readonly last: number | null
  readonly message: string | null
  /** The slot that waits for that message's end (overlap `queue-one`). */
  readonly waiting: number | null
  /** Messages that were stored, slots that no scheduler was there to send, slots left out by overlap or pause. */
  readonly fired: number
  readonly missed: number
  readonly skipped: number
  readonly paused: boolean
  /** Milliseconds from the last slot to the moment at which its message was stored. */
  readonly lag: number
}

/** A plan that a scheduler has come to know. */
export interface Adoption {
  readonly id: string
  /** Says when it is due. Another one than the store remembers: its fires begin anew, its counts stay. */
  readonly print: string
  /** For a plan that is new, or due at other times now: slots up to this moment are none of its. */
  readonly mark: number
  readonly anchor: number
}

/** One slot of a plan that is to be decided. */
export interface Fire {
  readonly id: string
  readonly slot: number
  /** The message; its id follows from plan and slot. `null`: the slot is passed over, and counted as missed. */
  readonly envelope: Envelope | null
  /** Slots before this one that are passed over with it, and counted as missed. */
  readonly missed: number
  /**
   * What to do while the last message of the plan is stored and has not ended, or the run that it started
   * (`runOfMessage` names it) is going. Absent: send.
   */
  readonly overlap?: 'skip' | 'queue-one' | undefined
  /** The most messages that the plan ever sends. */
  readonly limit?: number | undefined
  /** `slot` is one that {@link FireState.waiting} names: it is sent if it still does and the last message has ended. */
  readonly release?: boolean | undefined
}

/**
 * What became of a fire.
 *
 * - `fired`: the slot is marked and its message stored, both or neither.
 * - `passed`: the slot is marked without a message, as was asked (no envelope).
 * - `decided`: it was marked before, by this call whose answer was lost or by another scheduler.
 * - `skipped`, `waits`: marked without a message, for the last one has not ended. A released slot that must
 *   still wait answers `waits` as well.
 * - `paused`, `ended`: the plan is paused, or has sent all that its limit allows: marked without a message.
 * - `full`: the queue has reached its cap. Nothing was written.
 * - `early`: the slot has not come by the clock of the store. Nothing was written.
 * - `unknown`: the plan was never adopted, or is forgotten. Nothing was written.
 */
export type FireAnswer =
  | 'fired'
  | 'passed'
  | 'decided'
  | 'skipped'
  | 'waits'
  | 'paused'
  | 'ended'
  | 'full'
  | 'early'
  | 'unknown'

/** Who leads a group of schedulers. */
export interface Leadership {
  readonly group: string
  readonly holder: string
  /** By the clock of the store; in the past: nobody leads. */
  readonly until: number
  /** What the leader last told of itself: JSON, for people. */
  readonly report: string
}

/**
 * Keeps, in the store of a transport, which slots of which plans have been decided. The pair of plan and
 * slot is unique in the same atomic step as the message, so any number of schedulers may fire the same
 * plans at once. The lease of a leader only spares them the work.
 */
export interface FireLedger {
  readonly store: StoreIdentity
  /** The store's clock, milliseconds since 1970. */
  now(): Promise<number>
  /** Makes plans known; answers their states, in order. Calling it again changes nothing. */
  adopt(plans: readonly Adoption[]): Promise<readonly FireState[]>
  /** The states of plans, in order; `null` for what is not known. */
  states(ids: readonly string[]): Promise<readonly (FireState | null)[]>
  /**
   * Decides slots, each in one atomic step, in order. A slot at or before its plan's mark is `decided`.
   * Safe to call again after a lost answer.
   */
  fire(fires: readonly Fire[]): Promise<readonly FireAnswer[]>
  /** Pauses plans, or lets them go on: slots that passed meanwhile are none of theirs. The ids that are known. */
  pause(ids: readonly string[], paused: boolean): Promise<readonly string[]>
  /**
   * Lets go of plans that are gone. A scheduler which has not heard of it sends nothing. They are remembered
   * for a day: one that is adopted again begins anew, and no slot of it comes twice.
   */
  forget(ids: readonly string[]): Promise<void>
  /** Takes or renews the lease of a group; answers who has it now. */
  lead(bid: { group: string; holder: string; lease: number; report: string }): Promise<Leadership>
  /** Gives the lease up, if it is ours. */
  resign(group: string, holder: string): Promise<void>
  /** All groups that had a leader within the last day. */
  leaders(): Promise<readonly Leadership[]>
}
