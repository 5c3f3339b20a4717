import { loopLeaseKeeper } from '../coalescing/loop-lease-keeper.ts'
import type { Claim, LeaseToken } from '../core/delivery.ts'
import type { LeaseKeeper, LeaseKeeperOptions } from '../core/transport.ts'
import type { SqliteStore } from './sqlite-store.ts'

/**
 * Keeps leases: in a thread where one can be had, otherwise on the loop. Whichever it is, a bell that
 * tells of cancellations makes the holder look at once instead of at the next renewal.
 */
export function keepLeases(store: SqliteStore, options: LeaseKeeperOptions): LeaseKeeper {
  const held = new Map<LeaseToken, Claim>()
  const told = new Set<LeaseToken>()
  const onCancelled = (claim: Claim, reason: string): void => {
    if (!held.has(claim.token) || told.has(claim.token)) return
    told.add(claim.token)
    options.onCancelled(claim, reason)
  }
  const forget = (claims: readonly Claim[]): void => {
    for (const { token } of claims) {
      held.delete(token)
      told.delete(token)
    }
  }
  const inner = innerKeeper(store, {
    ...options,
    onCancelled,
    onLost(claims) {
      forget(claims)
      options.onLost(claims)
    },
  })
  const stopListening = store.cancels.listen(() => {
    if (held.size === 0) return
    store.call('cancelledAmong', [...held.values()]).then((cancelled) => {
      for (const { claim, reason } of cancelled) onCancelled(claim, reason)
    }, options.onError)
  })
  return {
    keep(claims) {
      for (const { id, queue, token } of claims) held.set(token, { id, queue, token })
      inner.keep(claims)
    },
    forget(claims) {
      forget(claims)
      inner.forget(claims)
    },
    async stop() {
      stopListening()
      held.clear()
      await inner.stop()
    },
  }
}

function innerKeeper(store: SqliteStore, options: LeaseKeeperOptions): LeaseKeeper {
  const thread = store.leaseThread()
  if (thread !== undefined) return thread.keepLeases(options)
  const extend = (claims: readonly Claim[], lease: number) =>
    store.call('extend', { claims, lease })
  return loopLeaseKeeper(extend, store.around.clock, options)
}
