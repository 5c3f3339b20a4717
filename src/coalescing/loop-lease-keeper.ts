import type { Clock, Timer } from '../core/clock.ts'
import type { Claim, LeaseToken } from '../core/delivery.ts'
import type { ExtendReport, LeaseKeeper, LeaseKeeperOptions } from '../core/transport.ts'

/**
 * Renews leases from the event loop itself: for engines without a thread of their own. A blocked
 * loop renews nothing, so `stallLimit` holds by itself here.
 */
export function loopLeaseKeeper(
  extend: (claims: readonly Claim[], lease: number) => Promise<ExtendReport>,
  clock: Clock,
  options: LeaseKeeperOptions,
): LeaseKeeper {
  const held = new Map<LeaseToken, Claim>()
  let timer: Timer | undefined
  let beating: Promise<void> | undefined
  let stopped = false

  const beat = async (): Promise<void> => {
    try {
      const report = await extend([...held.values()], options.lease)
      // A claim that was forgotten while the store answered is nobody's news any more.
      const lost = report.lost.filter((claim) => held.delete(claim.token))
      if (lost.length > 0) options.onLost(lost)
      for (const { claim, reason } of report.cancelled) {
        if (held.has(claim.token)) options.onCancelled(claim, reason)
      }
    } catch (error) {
      options.onError(error)
    }
  }
  const arm = (): void => {
    if (stopped || timer !== undefined || held.size === 0) return
    timer = clock.after(
      options.every,
      () => {
        timer = undefined
        beating = beat().then(() => {
          beating = undefined
          arm()
        })
      },
      { background: true },
    )
  }
  return {
    keep(claims) {
      for (const claim of claims) held.set(claim.token, claim)
      if (beating === undefined) arm()
    },
    forget(claims) {
      for (const claim of claims) held.delete(claim.token)
    },
    async stop() {
      stopped = true
      timer?.cancel()
      held.clear()
      await beating
    },
  }
}
