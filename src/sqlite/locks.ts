import type { Permit, PermitAsk } from '../core/locks.ts'
import { wholeMs, type Turn } from './turn.ts'

/** in: expires, key, holder, now · out: the fence of a hold that is renewed; none when it is not held. */
const renewHeld =
  'UPDATE tw_permit SET expires = ? WHERE key = ? AND holder = ? AND expires > ? RETURNING fence'
const dropExpired = 'DELETE FROM tw_permit WHERE key = ? AND expires <= ?'
const countHeld = 'SELECT count(*) AS held FROM tw_permit WHERE key = ?'
const nextFence = `
INSERT INTO tw_counter(name, value) VALUES ('fence', 1)
    ON CONFLICT(name) DO UPDATE SET value = value + 1 RETURNING value`
const hold = 'INSERT INTO tw_permit(key, holder, expires, fence) VALUES (?, ?, ?, ?)'
const freeHeld = 'DELETE FROM tw_permit WHERE key = ? AND holder = ? AND expires > ?'

/** Takes a permit, or renews the one that this holder has. */
export function acquirePermit(
  { sql, now }: Turn,
  { key, holder, limit, ms }: PermitAsk & { readonly key: string },
): Permit | null {
  const expires = wholeMs(now + ms)
  const held = sql.get<{ fence: number }>(renewHeld, expires, key, holder, now)
  if (held !== undefined) return { key, holder, fence: held.fence }
  sql.run(dropExpired, key, now)
  if ((sql.get<{ held: number }>(countHeld, key)?.held ?? 0) >= limit) return null
  const fence = Number(sql.get<{ value: number }>(nextFence)?.value ?? 0)
  sql.run(hold, key, holder, expires, fence)
  return { key, holder, fence }
}

/** Renews a permit; whether it was held. */
export function renewPermit(
  { sql, now }: Turn,
  { permit: { key, holder }, ms }: { readonly permit: Permit; readonly ms: number },
): boolean {
  return sql.get(renewHeld, wholeMs(now + ms), key, holder, now) !== undefined
}

/** Gives a permit back; whether it was held. */
export function freePermit({ sql, now, news }: Turn, { key, holder }: Permit): boolean {
  const freed = sql.run(freeHeld, key, holder, now) > 0
  if (freed) news.locks = true
  return freed
}
