import type { Envelope } from '../core/message.ts'
import type { Unique } from '../core/unique.ts'
import { state } from './schema.ts'
import { supersede } from './supersede.ts'
import { wholeMs, type Turn } from './turn.ts'

/** in: key · out: who took it last, and where his message is. */
const taken = `
SELECT u.id AS id, u.since AS since, u.until AS until, m.state AS state, m.cancelled AS cancelled
  FROM tw_unique u LEFT JOIN tw_message m ON m.id = u.id WHERE u.key = ?`
const take = `
INSERT INTO tw_unique(key, id, since, until, look) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT(key) DO UPDATE SET id = excluded.id, since = excluded.since, until = excluded.until,
       look = excluded.look`
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
  turn: Turn,
  { id, unique }: Envelope & { readonly unique: Unique },
  { holder: before, since }: KeyAnswer,
): void {
  const { sql, now } = turn
  const { key, window = 0 } = unique
  const until = window > 0 ? wholeMs(now + window) : 0
  sql.run(take, key, id, since, until, now + lookEvery)
  if (before !== undefined) supersede(turn, before, `replaced by ${id}`)
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
