import type { Claim, Delivery } from '../core/delivery.ts'
import type { LeaseKeeper, LeaseKeeperOptions } from '../core/transport.ts'
import type { BrokerRuntime } from '../broker/runtime.ts'

/**
 * What this worker holds: from the claim of a delivery until it is settled, given back or lost its
 * lease is kept, and the transport is not asked for it as for one whose answer was lost.
 */
export class Hands {
  readonly #runtime: BrokerRuntime
  #keeper: LeaseKeeper | undefined

  constructor(runtime: BrokerRuntime) {
    this.#runtime = runtime
  }

  /** Begins to keep leases. */
  open(options: LeaseKeeperOptions): void {
    this.#keeper = this.#runtime.transport.keepLeases(options)
  }

  /** Deliveries have come in. */
  keep(deliveries: readonly Delivery[]): void {
    this.#keeper?.keep(deliveries)
  }

  /** They are not ours any more, whatever became of them. */
  drop(claims: readonly Claim[]): void {
    this.#runtime.claims.drop(claims)
    this.#keeper?.forget(claims)
  }

  /** Ends keeping leases. */
  async close(): Promise<void> {
    await this.#keeper?.stop()
  }
}
