import type { Clock, Timer } from '../core/clock.ts'
import type { Delivery } from '../core/delivery.ts'
import type { MemoryQueue, QueueWatcher } from './memory-queue.ts'

/** Options of {@link WaitingReceive}. */
export interface WaitingReceiveOptions {
  readonly clock: Clock
  readonly queues: readonly MemoryQueue[]
  /** Claims what there is. */
  readonly claim: () => readonly Delivery[]
  readonly signal: AbortSignal
  /** Milliseconds until it ends with nothing. */
  readonly wait: number | undefined
  /** Scheduled messages count as there. */
  readonly early: boolean
}

/**
 * A receive that found nothing and waits (long poll).
 *
 * It is woken by the step that stores a message, and by one timer for the next moment at which its
 * queues change by themselves: a message is due, a lease ends. Whatever it has claimed is handed
 * out, even when the signal aborts in the same turn: a claim and the end of the wait are one step.
 */
export class WaitingReceive implements QueueWatcher {
  readonly deliveries: Promise<readonly Delivery[]>
  readonly #options: WaitingReceiveOptions
  readonly #patience: Timer | undefined
  #resolve: (deliveries: readonly Delivery[]) => void = () => {}
  #alarm: { readonly at: number; readonly timer: Timer } | undefined
  #busy = false

  constructor(options: WaitingReceiveOptions) {
    this.#options = options
    this.deliveries = new Promise((resolve) => {
      this.#resolve = resolve
    })
    for (const queue of options.queues) queue.watchers.add(this)
    options.signal.addEventListener('abort', this.end, { once: true })
    if (options.wait !== undefined) this.#patience = options.clock.after(options.wait, this.end)
    this.#arm()
  }

  look(): void {
    // Claiming may announce that our own leases end one day: that is no reason to claim again.
    if (this.#busy) return
    this.#busy = true
    const found = this.#options.claim()
    this.#busy = false
    if (found.length > 0) this.#finish(found)
    else this.#arm()
  }

  expect(at: number): void {
    if (this.#options.early) this.look()
    else if (at < (this.#alarm?.at ?? Infinity)) this.#arm()
  }

  /** Ends the wait with nothing. */
  readonly end = (): void => this.#finish([])

  #finish(deliveries: readonly Delivery[]): void {
    const { queues, signal } = this.#options
    for (const queue of queues) queue.watchers.delete(this)
    signal.removeEventListener('abort', this.end)
    this.#patience?.cancel()
    this.#alarm?.timer.cancel()
    this.#resolve(deliveries)
  }

  #arm(): void {
    const { clock, queues } = this.#options
    const at = Math.min(...queues.map((queue) => queue.next()))
    this.#alarm?.timer.cancel()
    this.#alarm = undefined
    if (at === Infinity) return
    const timer = clock.after(at - clock.now(), () => this.look())
    this.#alarm = { at, timer }
  }
}
