import { LeaseBeat } from '../coalescing/lease-beat.ts'
import { SharedLedger, type LedgerMemory } from '../coalescing/shared-ledger.ts'
import type { Clock } from '../core/clock.ts'
import type { Claim, LeaseToken } from '../core/delivery.ts'
import type { ExtendReport, LeaseKeeper, LeaseKeeperOptions } from '../core/transport.ts'
import { ledgerClaims, ledgerText } from './held-claims.ts'

/** What a keeper works with. */
export interface KeptLeasesOf {
  readonly clock: Clock
  /** Grows while the loop turns. */
  readonly beats: Int32Array
  /** The names of queues by their numbers. */
  readonly queues: () => readonly string[]
  readonly extend: (claims: readonly Claim[], lease: number) => Promise<ExtendReport>
  readonly onKept: () => void
  /** The ledger is in another memory now. */
  readonly onGrown: () => void
  readonly onStopped: () => void
}

/**
 * The claims of one lease keeper, written down where the thread reads them; renewed by the loop itself
 * while there is no thread.
 */
export class KeptLeases implements LeaseKeeper {
  readonly options: LeaseKeeperOptions
  readonly #of: KeptLeasesOf
  readonly #ledger: SharedLedger
  readonly #slots = new Map<LeaseToken, number>()
  /** Claims whose holder knows that they were cancelled. */
  readonly #told = new Set<LeaseToken>()
  #own: LeaseBeat | undefined
  #stopped = false

  constructor(options: LeaseKeeperOptions, of: KeptLeasesOf) {
    this.options = options
    this.#of = of
    this.#ledger = new SharedLedger(of.onGrown)
    this.takenBack()
  }

  get ledger(): LedgerMemory {
    return this.#ledger.memory
  }

  keep(claims: readonly Claim[]): void {
    if (this.#stopped) return
    for (const claim of claims) {
      if (!this.#slots.has(claim.token))
        this.#slots.set(claim.token, this.#ledger.write(ledgerText(claim)))
    }
    this.#of.onKept()
  }

  forget(claims: readonly Claim[]): void {
    for (const { token } of claims) this.#strike(token)
  }

  async stop(): Promise<void> {
    if (this.#stopped) return
    this.#stopped = true
    this.#own?.stop()
    this.#slots.clear()
    this.#of.onStopped()
  }

  /** The thread renews from now on. */
  leftToThread(): void {
    this.#own?.stop()
    this.#own = undefined
  }

  /** There is no thread: the loop renews. */
  takenBack(): void {
    if (this.#stopped) return
    const { clock, beats, extend, queues } = this.#of
    const { lease, every, stallLimit } = this.options
    this.#own?.stop()
    this.#own = new LeaseBeat({
      ...{ lease, every, stallLimit, clock, beats },
      held: () => ledgerClaims(this.ledger, queues()),
      extend: (claims) => extend(claims, lease),
      onReport: (report) => this.heard(report),
      onError: (error) => this.failed(error),
    })
  }

  /** What a renewal learnt. A claim that was forgotten meanwhile is nobody's news. */
  heard({ lost, cancelled }: ExtendReport): void {
    const ours = lost.filter(({ token }) => this.#strike(token))
    if (ours.length > 0) this.options.onLost(ours)
    for (const { claim, reason } of cancelled) this.#tell(claim, reason)
  }

  /** A renewal failed; the next one tries again. */
  failed(error: unknown): void {
    if (!this.#stopped) this.options.onError(error)
  }

  /** A message was cancelled (a push). Told on once; ignored when it is not held here. */
  cancelled(id: string, reason: string): void {
    if (this.#slots.size === 0) return
    const claim = ledgerClaims(this.ledger, this.#of.queues()).find((one) => one.id === id)
    if (claim !== undefined) this.#tell(claim, reason)
  }

  #tell(claim: Claim, reason: string): void {
    if (!this.#slots.has(claim.token) || this.#told.has(claim.token)) return
    this.#told.add(claim.token)
    this.options.onCancelled(claim, reason)
  }

  #strike(token: LeaseToken): boolean {
    const slot = this.#slots.get(token)
    if (slot === undefined) return false
    this.#slots.delete(token)
    if (this.#told.size > 0) this.#told.delete(token)
    this.#ledger.strike(slot)
    return true
  }
}
