import type { Delivery } from '../core/delivery.ts'
import type { SettleStatus, Settlement } from '../core/settlement.ts'
import type { NextRequest, SettledAndNext } from '../core/transport.ts'
import { settle } from '../broker/finish.ts'
import type { BrokerRuntime } from '../broker/runtime.ts'
import type { Slots } from './slots.ts'
import type { WorkerSettings } from './worker-settings.ts'

/** How much the last settle says about the next, and what the average must be for a slot to be kept. */
const gain = { weight: 0.25, least: 0.5, perMiss: 0.02 }

/** What a {@link HandOver} needs. */
export interface HandOverOptions {
  readonly runtime: BrokerRuntime
  readonly settings: WorkerSettings
  readonly slots: Slots
  /** From which may be claimed now. */
  readonly queues: () => readonly string[]
  /** Runs what was claimed; called also when that is nothing, since slots are free again. Must not throw. */
  readonly take: (deliveries: readonly Delivery[]) => void
  /** Claims may be ours whose answer was lost. */
  readonly onUnsure: () => void
}

/**
 * Settles, and lets the settle of a step claim the step that it releases, where the transport can: the slot of the one
 * that has ended is kept for the other until the answer is here, so that no more is ever claimed than there is room
 * for. That spares a workflow that runs alone a round trip for each of its steps. Where settles release nothing (the
 * heads of a chord), slots are not kept for long: the next fetch would only wait for them.
 */
export class HandOver {
  readonly #options: HandOverOptions
  readonly #receive:
    | ((settlements: readonly Settlement[], next: NextRequest) => Promise<SettledAndNext>)
    | undefined
  #closed = false
  #reserved = 0
  /** Of the slots that were kept: how many, of late, were filled. */
  #filled = 1

  constructor(options: HandOverOptions) {
    this.#options = options
    const { transport } = options.runtime
    const { shares, maxTasks } = options.settings
    // Shares are dealt by the receiver, and so are the last tasks of a worker that is to run so many.
    const may = shares === undefined && maxTasks === Infinity
    const can = transport.capabilities.receivesInSettle
    this.#receive = may && can ? transport.settleAndReceive?.bind(transport) : undefined
  }

  /** Nothing is claimed from now on. */
  close(): void {
    this.#closed = true
  }

  /** This is going to be settled, and its slot is free. */
  expect({ node }: Settlement): void {
    if (node?.verdict !== 'ok' || node.graft !== undefined) return
    if (this.#receive === undefined || this.#closed) return
    if (this.#filled < gain.least) this.#filled += gain.perMiss
    else if (this.#options.slots.reserve()) this.#reserved++
  }

  /** Settles. @throws what the transport throws. */
  async settle(batch: readonly Settlement[]): Promise<readonly SettleStatus[]> {
    const { runtime, queues, onUnsure } = this.#options
    const room = this.#reserved
    const receive = this.#receive
    if (room === 0 || receive === undefined)
      return settle(runtime, batch, (settlements) => runtime.transport.settle(settlements))
    this.#reserved = 0
    const request = { queues: queues(), room, lease: this.#options.settings.lease }
    let next: readonly Delivery[] = []
    try {
      const answer = await runtime.claims.claim(
        () => settle(runtime, batch, (settlements) => receive(settlements, request)),
        (claimed) => claimed.next,
      )
      next = answer.next
      return answer.statuses
    } catch (error) {
      onUnsure()
      throw error
    } finally {
      this.#options.slots.unreserve(room)
      this.#filled += (next.length / room - this.#filled) * gain.weight
      this.#options.take(next)
    }
  }
}
