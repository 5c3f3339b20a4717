import { sleep } from '../core/clock.ts'
import type { Delivery } from '../core/delivery.ts'
import { isTaskwrightError } from '../core/errors.ts'
import { failpoint } from '../core/failpoint.ts'
import type { BrokerRuntime } from '../broker/runtime.ts'
import type { QueueShares } from './queue-shares.ts'

/** What a {@link Receiver} needs. */
export interface ReceiverOptions {
  readonly runtime: BrokerRuntime
  /** From which to fetch now; the same list while nothing changes. */
  readonly queues: () => readonly string[]
  /** How the room is shared among them; absent: equally. */
  readonly shares?: QueueShares | undefined
  readonly lease: number
  /** Free slots plus free prefetch, now. */
  readonly room: () => number
  /** How many more suspects may be held, now. */
  readonly suspects: () => number
  /** Takes what was claimed; must not throw. */
  readonly take: (deliveries: readonly Delivery[]) => void
  /** Runs what was taken. Called when the next fetch is under way, so that the two go on beside each other. */
  readonly run: () => void
  readonly onError: (error: unknown) => void
  /** The store was closed for good: nothing will come any more. */
  readonly onClosed: () => void
}

const errorWait = { first: 50, longest: 5000 }

/**
 * Fetches messages while there is room for them. One long poll at a time; a fetch whose answer may
 * have been lost is followed by a look for what the store believes to be ours.
 */
export class Receiver {
  readonly #options: ReceiverOptions
  readonly #stop = new AbortController()
  #fetch:
    | { readonly suspects: number; readonly controller: AbortController; done: Promise<unknown> }
    | undefined
  #wake: (() => void) | undefined
  #loop: Promise<void> | undefined
  /** Claims may be ours whose answer was lost. */
  #unsure = false
  /** Of the fetch under way, and of the next one where it was not aborted: a signal for each would cost as much as a short task. */
  #controller = new AbortController()

  constructor(options: ReceiverOptions) {
    this.#options = options
  }

  start(): void {
    this.#loop ??= this.#run()
  }

  /** There may be room again. */
  roomChanged(): void {
    this.#wake?.()
    // A fetch that was to bring no suspect waits for others only: it must be asked again.
    if (this.#fetch?.suspects === 0 && this.#options.suspects() > 0) this.#fetch.controller.abort()
  }

  /** There is less room than a fetch was told of: ends it, so that the next one asks for less. */
  async roomShrank(): Promise<void> {
    const fetch = this.#fetch
    fetch?.controller.abort()
    await fetch?.done
  }

  /** The queues have changed: a fetch under way is asked again. */
  queuesChanged(): void {
    this.#fetch?.controller.abort()
    this.#wake?.()
  }

  /** A claim may be ours whose answer was lost: it is looked for before the next fetch. */
  unsure(): void {
    this.#unsure = true
    this.queuesChanged()
  }

  /** Takes what is ours and was not told, where that may be; once it was stopped. */
  async recoverLost(): Promise<void> {
    // Given back now, a lost answer costs its message nothing; left alone, it counts as a lost lease.
    if (this.#unsure) await this.#recovered().catch(this.#options.onError)
  }

  /** Stops fetching; what a fetch under way still brings is taken. Idempotent. */
  async stop(): Promise<void> {
    this.#stop.abort()
    this.#fetch?.controller.abort()
    this.#wake?.()
    await this.#loop
  }

  async #run(): Promise<void> {
    const { runtime, room, run, onError, onClosed } = this.#options
    const { clock, random } = runtime.surroundings
    const { signal } = this.#stop
    let wait = errorWait.first
    while (!signal.aborted) {
      const free = room()
      if (free < 1 || this.#unsure) run()
      if (free < 1) {
        await this.#room()
        continue
      }
      try {
        if (this.#unsure && (await this.#recovered())) continue
        const fetch = this.#receive(free)
        if (this.#fetch !== undefined) this.#fetch.done = fetch.catch(() => {})
        run()
        await fetch
        wait = errorWait.first
      } catch (error) {
        if (isTaskwrightError(error, 'NOT_STARTED')) return onClosed()
        this.#unsure = true
        onError(error)
        await sleep(clock, wait * (0.5 + random.next()), { signal })
        wait = Math.min(wait * 2, errorWait.longest)
      }
    }
    await this.recoverLost()
  }

  async #receive(room: number): Promise<void> {
    const { runtime, lease, take } = this.#options
    const queues = this.#options.queues()
    const shares = queues.length > 1 ? this.#options.shares?.deal(queues, room) : undefined
    if (this.#controller.signal.aborted) this.#controller = new AbortController()
    const controller = this.#controller
    const suspects = this.#options.suspects()
    this.#fetch = { suspects, controller, done: Promise.resolve() }
    const { signal } = controller
    try {
      failpoint('receive.before')
      const deliveries = await runtime.claims.claim(
        () => runtime.transport.receive({ queues, room, shares, suspects, lease, signal }),
        (claimed) => claimed,
      )
      failpoint('receive.claimed')
      take(deliveries)
      failpoint('receive.taken')
    } finally {
      this.#fetch = undefined
    }
  }

  /** Takes what was lost; false when it could not be looked for now. */
  async #recovered(): Promise<boolean> {
    const { runtime, lease, take } = this.#options
    failpoint('recover.before')
    const found = await runtime.claims.recover(lease)
    failpoint('recover.claimed')
    if (found === undefined) return false
    this.#unsure = false
    take(found)
    return true
  }

  #room(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#wake = undefined
        resolve()
      }
      if (this.#stop.signal.aborted || this.#options.room() >= 1) this.#wake()
    })
  }
}
