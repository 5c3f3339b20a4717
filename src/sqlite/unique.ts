import type { Envelope } from '../core/message.ts'
import type { Unique } from '../core/unique.ts'
import { state } from './schema.ts'
import { wholeMs, type Turn } from './turn.ts'

/** in: key · out: who took it last, and where his message is. */
const taken = `
SELECT u.id AS id, u.since AS since, u.until AS until, m.state AS state, m.cancelled AS cancelled
  FROM tw_unique u LEFT JOIN tw_message m ON m.id = u.id WHERE u.key = ?`
const take = `
INSERT INTO tw_unique(key, id, since, until, look) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT(key) DO UPDATE SET id = excluded.id, since = excluded.since, until = excluded.until,
       look = excluded.look`
/** in: reason, now, id. It goes to the next who claims, who settles it: what was scheduled may go at once. */
const replace = `
UPDATE tw_message SET cancelled = ?,
       at = CASE WHEN state IN (${state.scheduled}, ${state.gated}) THEN ? ELSE at END,
       state = CASE WHEN state IN (${state.scheduled}, ${state.gated}) THEN ${state.ready} ELSE state END
 WHERE id = ? AND cancelled IS NULL`
const leaveLine = 'DELETE FROM tw_gate_line WHERE seq = (SELECT seq FROM tw_message WHERE id = ?)'
const holder = 'SELECT id FROM tw_unique WHERE key = ?'
const sweepLimit = 500
/** Milliseconds between two looks at a key, whether its message is still there. */
const lookEvery = 600_000
/** in: now, now · out: keys that nobody needs are forgotten. */
const forget = `
DELETE FROM tw_unique WHERE rowid IN (
  SELECT rowid FROM tw_unique u WHERE look <= ? AND until <= ?
     AND NOT EXISTS (SELECT 1 FROM tw_message WHERE id = u.id) ORDER BY look LIMIT ${sweepLimit})`
/** in: next look, now. */
const lookLater = `
UPDATE tw_unique SET look = ? WHERE rowid IN (
  SELECT rowid FROM tw_unique WHERE look <= ? ORDER BY look LIMIT ${sweepLimit})`

interface Taken {
  readonly id: string
  readonly since: number
  readonly until: number
  readonly state: number | null
  readonly cancelled: string | null
}

/** What a sender of a unique message has to know. */
export interface KeyAnswer {
  /** The message that has the key now; absent: it is free. */
  readonly holder?: string | undefined
  readonly since: number
  /** The latest moment at which the new message is due. */
  readonly latest: number
}

/** Who has the key of a message that is to be stored. */
export function askKey({ sql, now }: Turn, unique: Unique): KeyAnswer {
  const row = sql.get<Taken>(taken, unique.key)
  const held = row !== undefined && isLive(row, unique, now)
  const since = held ? row.since : now
  const { within = Infinity } = unique
  return { holder: held ? row.id : undefined, since, latest: since + within }
}

function isLive(row: Taken, unique: Unique, now: number): boolean {
  if (unique.while === 'window') return row.until > now
  if (row.state === null || row.cancelled !== null) return false
  return unique.while === 'queued-or-running' || row.state !== state.leased
}

/** A message that was stored has its key; whoever had it is cancelled. */
export function takeKey(
  { sql, now, news }: Turn,
  { id, unique }: Envelope & { readonly unique: Unique },
  { holder: before, since }: KeyAnswer,
): void {
  const { key, window = 0 } = unique
  const until = window > 0 ? wholeMs(now + window) : 0
  sql.run(take, key, id, since, until, now + lookEvery)
  if (before === undefined) return
  sql.run(leaveLine, before)
  if (sql.run(replace, `replaced by ${id}`, now, before) > 0) news.work = news.cancels = true
}

/** Who took each key last. */
export function keyHolders({ sql }: Turn, keys: readonly string[]): (string | null)[] {
  return keys.map((key) => sql.get<{ id: string }>(holder, key)?.id ?? null)
}

/** Forgets keys whose messages have gone. */
export function sweepKeys({ sql, now }: Turn): void {
  sql.run(forget, now, now)
  sql.run(lookLater, now + lookEvery, now)
}
