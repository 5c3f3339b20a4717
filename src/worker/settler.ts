import { failpoint } from '../core/failpoint.ts'
import type { SettleStatus, Settlement } from '../core/settlement.ts'
import { isRefusal } from '../broker/refusal.ts'
import { ItemFailure, TurnBatch } from '../coalescing/turn-batch.ts'
import type { HandOver } from './hand-over.ts'
import type { Patience } from './patience.ts'

const mostPerBatch = 256

/**
 * Writes the ends of deliveries, batched by turn of the event loop, two batches in flight. A store
 * that fails is asked again for as long as anybody has patience: the lease is kept meanwhile, and
 * repeating a settle is safe.
 */
export class Settler {
  readonly #handOver: HandOver
  readonly #batch: TurnBatch<Settlement, SettleStatus>
  readonly #patience: Patience

  constructor(handOver: HandOver, patience: Patience) {
    this.#handOver = handOver
    this.#patience = patience
    this.#batch = new TurnBatch({
      run: (batch) => this.#settle(batch),
      most: mostPerBatch,
      inFlight: 2,
      closes: 'quiet',
    })
  }

  /** Settles one delivery. Fails with what the store refuses it for; with its last error when patience has ended. */
  settle(
    settlement: Settlement,
    settled: (status: SettleStatus) => void,
    failed: (error: unknown) => void,
  ): void {
    this.#handOver.expect(settlement)
    this.#batch.push(settlement, settled, failed)
  }

  /** Resolves when nothing is on its way. */
  idle(): Promise<void> {
    return this.#batch.idle()
  }

  async #settle(batch: readonly Settlement[]): Promise<readonly (SettleStatus | ItemFailure)[]> {
    try {
      return await this.#insist(batch)
    } catch (error) {
      if (!isRefusal(error) || batch.length === 1) throw error
    }
    // One of them is refused: each goes for itself, so that it takes no other with it.
    return Promise.all(
      batch.map(async (settlement) => {
        try {
          const [status = 'gone'] = await this.#insist([settlement])
          return status
        } catch (error) {
          return new ItemFailure(error)
        }
      }),
    )
  }

  #insist(batch: readonly Settlement[]): Promise<readonly SettleStatus[]> {
    let unsure = false
    return this.#patience.insist(async () => {
      try {
        failpoint('settle.before')
        const statuses = await this.#handOver.settle(batch)
        failpoint('settle.after')
        return unsure ? statuses.map((status, i) => afterUnsure(status, batch[i])) : statuses
      } catch (error) {
        unsure = true
        throw error
      }
    })
  }
}

/**
 * When the answer to an earlier try was lost, the store may say of its effect that somebody else was
 * quicker: it was us.
 */
function afterUnsure(status: SettleStatus, settlement: Settlement | undefined): SettleStatus {
  const mark = settlement?.outcome.kind === 'retry' ? 'taken' : 'gone'
  return status === mark ? 'settled' : status
}
