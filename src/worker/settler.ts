import { sleep } from '../core/clock.ts'
import type { SettleStatus, Settlement } from '../core/settlement.ts'
import { settle } from '../broker/finish.ts'
import type { BrokerRuntime } from '../broker/runtime.ts'
import { TurnBatch } from '../coalescing/turn-batch.ts'

const mostPerBatch = 256
const retryWait = { first: 20, longest: 2000 }

/**
 * Writes the ends of deliveries, batched by turn of the event loop, two batches in flight. A store
 * that fails is asked again, with jittered patience, until it answers or `giveUp` is aborted: the
 * lease is kept meanwhile, and repeating a settle is safe.
 */
export class Settler {
  readonly #runtime: BrokerRuntime
  readonly #batch: TurnBatch<Settlement, SettleStatus>
  readonly #giveUp: AbortSignal
  readonly #onError: (error: unknown) => void

  constructor(runtime: BrokerRuntime, giveUp: AbortSignal, onError: (error: unknown) => void) {
    this.#runtime = runtime
    this.#giveUp = giveUp
    this.#onError = onError
    this.#batch = new TurnBatch({
      run: (batch) => this.#settle(batch),
      most: mostPerBatch,
      inFlight: 2,
    })
  }

  /** Settles one delivery. @throws the store's error once `giveUp` is aborted. */
  settle(settlement: Settlement): Promise<SettleStatus> {
    return this.#batch.add(settlement)
  }

  /** Resolves when nothing is on its way. */
  idle(): Promise<void> {
    return this.#batch.idle()
  }

  async #settle(batch: readonly Settlement[]): Promise<readonly SettleStatus[]> {
    const { clock, random } = this.#runtime.surroundings
    for (let wait = retryWait.first; ; wait = Math.min(wait * 2, retryWait.longest)) {
      try {
        return await settle(this.#runtime, batch)
      } catch (error) {
        this.#onError(error)
        if (this.#giveUp.aborted) throw error
        await sleep(clock, wait * (0.5 + random.next()), { signal: this.#giveUp })
      }
    }
  }
}
