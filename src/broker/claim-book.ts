import type { Claim, Delivery, LeaseToken } from '../core/delivery.ts'
import type { Transport } from '../core/transport.ts'

/**
 * Every claim that this process holds through one transport: of its workers, of a cancel, of a purge.
 *
 * A transport knows its own deliveries, but not which of its users holds them: to `recover`, a message
 * in the hands of another worker of this process, or one whose claim is just being answered, looks
 * like one whose answer was lost. So all of them claim through this book, and what seems lost is
 * looked for only while no other claim is under way.
 */
export class ClaimBook {
  readonly #transport: Transport
  readonly #held = new Set<LeaseToken>()
  #claiming = 0
  #recovering: Promise<unknown> = Promise.resolve()
  #looking = false

  constructor(transport: Transport) {
    this.#transport = transport
  }

  /** Runs a call that claims, and writes down what it brings. */
  async claim<T>(
    call: () => Promise<T>,
    deliveriesOf: (answer: T) => readonly Delivery[],
  ): Promise<T> {
    while (this.#looking) await this.#recovering
    this.#claiming++
    try {
      const answer = await call()
      this.#keep(deliveriesOf(answer))
      return answer
    } finally {
      this.#claiming--
    }
  }

  /** Claims that are nobody's here any more: settled, given back or lost. */
  drop(claims: readonly Claim[]): void {
    for (const { token } of claims) this.#held.delete(token)
  }

  /**
   * Claims anew what the store believes to be in our hands and nobody here holds; `undefined` when it
   * cannot be told now, because somebody else is claiming.
   */
  async recover(lease: number): Promise<readonly Delivery[] | undefined> {
    if (this.#claiming > 0 || this.#looking) return undefined
    this.#looking = true
    const found = this.#transport.recover([...this.#held], lease)
    this.#recovering = found.catch(() => {})
    try {
      const deliveries = await found
      this.#keep(deliveries)
      return deliveries
    } finally {
      this.#looking = false
    }
  }

  #keep(deliveries: readonly Delivery[]): void {
    for (const { token } of deliveries) this.#held.add(token)
  }
}
