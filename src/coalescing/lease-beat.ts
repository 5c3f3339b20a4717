/**
 * Renews leases in a thread of the engine.
 *
 * The thread turns even when the event loop of the main thread does not, so it needs a proof that the
 * worker lives: a counter in shared memory that the main loop counts up. While it stands still for
 * longer than `stallLimit`, nothing is renewed, and the messages of a hung process go to others when
 * their leases end. When the loop turns again, what is overdue is renewed at once; what was lost
 * meanwhile is reported as lost by the fence.
 */
import type { Clock, Timer } from '../core/clock.ts'
import type { Claim, LeaseToken } from '../core/delivery.ts'
import type { ExtendReport } from '../core/transport.ts'

/** How one lease keeper keeps. Milliseconds. */
export interface KeepOptions {
  readonly lease: number
  readonly every: number
  readonly stallLimit: number
}

/** What a beat works with. */
export interface LeaseBeatOptions extends KeepOptions {
  readonly clock: Clock
  /** Grows while the main loop turns. */
  readonly beats: Int32Array
  /** What is held, where that is written down elsewhere; absent: what {@link LeaseBeat.change} told. */
  readonly held?: (() => readonly Claim[]) | undefined
  readonly extend: (claims: readonly Claim[]) => Promise<ExtendReport>
  readonly onReport: (report: ExtendReport) => void
  readonly onError: (error: unknown) => void
}

/** See the top of the file. */
export class LeaseBeat {
  readonly #options: LeaseBeatOptions
  readonly #held = new Map<LeaseToken, Claim>()
  readonly #tick: number
  #timer: Timer | undefined
  #seen: number
  #aliveAt: number
  #renewedAt: number
  #renewing = false
  #stopped = false

  constructor(options: LeaseBeatOptions) {
    this.#options = options
    this.#tick = Math.max(1, Math.min(options.every, options.stallLimit) / 4)
    this.#seen = Atomics.load(options.beats, 0)
    this.#aliveAt = this.#renewedAt = options.clock.monotonic()
    this.#arm()
  }

  /** Changes what is held. */
  change(keep: readonly Claim[], forget: readonly LeaseToken[]): void {
    if (this.#held.size === 0) this.#renewedAt = this.#options.clock.monotonic()
    for (const claim of keep) this.#held.set(claim.token, claim)
    for (const token of forget) this.#held.delete(token)
    // Whoever sends has turned his loop.
    this.#aliveAt = this.#options.clock.monotonic()
    this.#arm()
  }

  /** Ends it. */
  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
    this.#held.clear()
  }

  #arm(): void {
    if (this.#stopped || this.#timer !== undefined) return
    if (this.#options.held === undefined && this.#held.size === 0) return
    this.#timer = this.#options.clock.after(
      this.#tick,
      () => {
        this.#timer = undefined
        this.#look()
        this.#arm()
      },
      { background: true },
    )
  }

  #look(): void {
    const { clock, beats, every, stallLimit } = this.#options
    const now = clock.monotonic()
    const seen = Atomics.load(beats, 0)
    if (seen !== this.#seen) this.#aliveAt = now
    this.#seen = seen
    const alive = now - this.#aliveAt <= stallLimit
    // Timers are a little late: half a tick early is in time.
    if (alive && !this.#renewing && now - this.#renewedAt >= every - this.#tick / 2)
      void this.#renew(now)
  }

  async #renew(now: number): Promise<void> {
    const { extend, held, onReport, onError } = this.#options
    const claims = held === undefined ? [...this.#held.values()] : held()
    if (claims.length === 0) return
    this.#renewing = true
    this.#renewedAt = now
    try {
      const report = await extend(claims)
      for (const { token } of report.lost) this.#held.delete(token)
      if (report.lost.length > 0 || report.cancelled.length > 0) onReport(report)
    } catch (error) {
      onError(error)
    } finally {
      this.#renewing = false
    }
  }
}
