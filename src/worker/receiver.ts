import { sleep } from '../core/clock.ts'
import type { Delivery } from '../core/delivery.ts'
import type { Surroundings } from '../core/vendor.ts'
import type { Transport } from '../core/transport.ts'

/** What a {@link Receiver} needs. */
export interface ReceiverOptions {
  readonly transport: Transport
  readonly surroundings: Surroundings
  readonly queues: readonly string[]
  readonly lease: number
  /** Free slots plus free prefetch, now. */
  readonly room: () => number
  /** How many more suspects may be held, now. */
  readonly suspects: () => number
  /** Tokens of all that is in our hands. */
  readonly known: () => readonly Delivery[]
  /** Takes what was claimed; must not throw. */
  readonly take: (deliveries: readonly Delivery[]) => void
  readonly onError: (error: unknown) => void
}

const errorWait = { first: 50, longest: 5000 }

/**
 * Fetches messages while there is room for them. One long poll at a time; a fetch whose answer may
 * have been lost is followed by a look for what the store believes to be ours.
 */
export class Receiver {
  readonly #options: ReceiverOptions
  readonly #stop = new AbortController()
  #wake: (() => void) | undefined
  #loop: Promise<void> | undefined

  constructor(options: ReceiverOptions) {
    this.#options = options
  }

  start(): void {
    this.#loop ??= this.#run()
  }

  /** There may be room again. */
  roomChanged(): void {
    this.#wake?.()
  }

  /** Stops fetching; what a fetch under way still brings is taken. Idempotent. */
  async stop(): Promise<void> {
    this.#stop.abort(new Error('the worker stops'))
    this.#wake?.()
    await this.#loop
  }

  async #run(): Promise<void> {
    const { transport, surroundings, queues, lease, room, suspects, known, take, onError } =
      this.#options
    const { signal } = this.#stop
    let wait = errorWait.first
    let unsure = false
    while (!signal.aborted) {
      const free = room()
      if (free < 1) {
        await this.#room()
        continue
      }
      try {
        if (unsure) {
          take(
            await transport.recover(
              known().map(({ token }) => token),
              lease,
            ),
          )
          unsure = false
          continue
        }
        take(await transport.receive({ queues, room: free, suspects: suspects(), lease, signal }))
        wait = errorWait.first
      } catch (error) {
        if (signal.aborted) return
        unsure = true
        onError(error)
        await sleep(surroundings.clock, wait * (0.5 + surroundings.random.next()), { signal })
        wait = Math.min(wait * 2, errorWait.longest)
      }
    }
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
