import type { Clock } from '../core/clock.ts'
import type { FireLedger } from '../core/fire-ledger.ts'

/** What {@link LeaderLease} needs. Spans in milliseconds. */
export interface LeaderLeaseOptions {
  readonly ledger: FireLedger
  readonly clock: Clock
  readonly group: string
  readonly holder: string
  readonly lease: number
}

/**
 * Holds, or waits for, the lease of a group. It spares schedulers the work that one of them does; what keeps a
 * slot from being fired twice is the ledger, so nothing goes wrong when two believe that they lead.
 */
export class LeaderLease {
  readonly #options: LeaderLeaseOptions
  #until = -Infinity

  constructor(options: LeaderLeaseOptions) {
    this.#options = options
  }

  /** By this process's own clock, reckoned from before the store was asked. */
  get held(): boolean {
    return this.#options.clock.monotonic() < this.#until
  }

  /** Asks for the lease, or renews it. */
  async bid(report: string): Promise<void> {
    const { ledger, clock, group, holder, lease } = this.#options
    const asked = clock.monotonic()
    const leader = await ledger.lead({ group, holder, lease, report })
    this.#until = leader.holder === holder ? asked + lease : -Infinity
  }

  /** Gives it up, so that another one need not wait for its end. */
  async resign(): Promise<void> {
    const { ledger, group, holder } = this.#options
    this.#until = -Infinity
    await ledger.resign(group, holder)
  }
}
