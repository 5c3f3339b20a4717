import type { Clock, Timer } from '../core/clock.ts'
import type { Claim, LeaseToken } from '../core/delivery.ts'
import type { ExtendReport, LeaseKeeper, LeaseKeeperOptions } from '../core/transport.ts'

/** A lease keeper that can also be told of a cancellation before its next beat. */
export interface LoopLeaseKeeper extends LeaseKeeper {
  /** A claim was cancelled (a push). Told on once; ignored when it is not kept here. */
  cancelled(claim: Claim, reason: string): void
}

interface Kept {
  readonly claim: Claim
  /** Its holder knows that it was cancelled. */
  told: boolean
}

/**
 * Renews leases from the event loop itself: for engines without a thread of their own. A blocked
 * loop renews nothing, so `stallLimit` holds by itself here.
 *
 * All claims are renewed together, in one beat every `every` milliseconds; a beat never overlaps the
 * one before. A beat that fails is reported and the next one tries again.
 */
export function loopLeaseKeeper(
  extend: (claims: readonly Claim[], lease: number) => Promise<ExtendReport>,
  clock: Clock,
  options: LeaseKeeperOptions,
): LoopLeaseKeeper {
  const held = new Map<LeaseToken, Kept>()
  let timer: Timer | undefined
  let beating: Promise<void> | undefined
  let stopped = false

  const cancelled = (claim: Claim, reason: string): void => {
    const kept = held.get(claim.token)
    if (kept === undefined || kept.told) return
    kept.told = true
    options.onCancelled(kept.claim, reason)
  }
  const beat = async (): Promise<void> => {
    try {
      const claims = [...held.values()].map((kept) => kept.claim)
      const report = await extend(claims, options.lease)
      // A claim that was forgotten while the store answered is nobody's news any more.
      const lost = report.lost.filter((claim) => held.delete(claim.token))
      if (lost.length > 0) options.onLost(lost)
      for (const { claim, reason } of report.cancelled) cancelled(claim, reason)
    } catch (error) {
      if (!stopped) options.onError(error)
    }
  }
  const arm = (): void => {
    if (stopped || timer !== undefined || beating !== undefined || held.size === 0) return
    timer = clock.after(options.every, onBeat, { background: true })
  }
  const onBeat = (): void => {
    timer = undefined
    if (held.size === 0) return
    beating = beat().finally(() => {
      beating = undefined
      arm()
    })
  }
  return {
    keep(claims) {
      if (stopped) return
      for (const claim of claims) {
        if (!held.has(claim.token)) held.set(claim.token, { claim, told: false })
      }
      arm()
    },
    forget(claims) {
      for (const claim of claims) held.delete(claim.token)
    },
    cancelled,
    async stop() {
      stopped = true
      timer?.cancel()
      held.clear()
      await beating
    },
  }
}
