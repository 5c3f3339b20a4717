import type { Body } from './message.ts'
import type { StepStart } from './workflow-store.ts'

/**
 * Names one claim of one message: who claimed it and for the how-manieth time. Opaque to all but
 * the transport that made it. A new claim has a new token, so that whoever lost a lease can change
 * nothing any more, whatever he still believes.
 */
export type LeaseToken = string | number

/** The part of a delivery that names the claim. Enough to settle, extend or release it. */
export interface Claim {
  readonly id: string
  readonly queue: string
  readonly token: LeaseToken
}

/** A message in a worker's hands, under a lease. */
export interface Delivery extends Claim {
  readonly priority: number
  readonly body: Body
  /** Leases of this message that ended without a settle, before this claim. Giving back does not count. */
  readonly redeliveries: number
  /** Milliseconds since 1970 at which it was first stored. */
  readonly enqueuedAt: number
  /** Milliseconds since 1970 after which it must not start. */
  readonly expires?: number | undefined
  /** Set when the message was cancelled before this claim: it must not run, only be settled as cancelled. */
  readonly cancelled?: string | undefined
  /** Of a step of a workflow: what {@link WorkflowStore.check} would have answered at this claim. Absent: ask. */
  readonly start?: KnownStart | undefined
}

/** That a step might start when it was claimed. */
export interface KnownStart {
  /** When that was: milliseconds of the monotonic clock. */
  readonly at: number
  readonly answer: StepStart
}
