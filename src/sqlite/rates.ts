import {
  freshRate,
  mostAtOnce,
  nextSlot,
  type RateAnswer,
  type RateAsk,
  type RateRule,
} from '../core/rates.ts'
import { wholeMs, type Turn } from './turn.ts'

const read = 'SELECT rule, tat, start, used, until, last FROM tw_rate WHERE key = ?'
const write = `
INSERT INTO tw_rate(key, tat, start, used, until, last, expires) VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT(key) DO UPDATE SET tat = excluded.tat, start = excluded.start, used = excluded.used,
       until = excluded.until, last = excluded.last, expires = excluded.expires`
/** in: key, number · out: when that one went. Numbers of a key grow by one. */
const moment = 'SELECT at FROM tw_rate_moment WHERE key = ? AND no = ?'
const addMoment = 'INSERT INTO tw_rate_moment(key, no, at) VALUES (?, ?, ?)'
const dropMoments = 'DELETE FROM tw_rate_moment WHERE key = ? AND no <= ?'
const writeRule = `
INSERT INTO tw_rate(key, rule, tat, start, used, until, last, expires) VALUES (?, ?, 0, 0, 0, 0, 0, ?)
    ON CONFLICT(key) DO UPDATE SET rule = excluded.rule`
/** Milliseconds for which a key is kept after it has had its say. */
const kept = 86_400_000
const sweepLimit = 100

interface Row {
  readonly rule: string | null
  readonly tat: number
  readonly start: number
  readonly used: number
  readonly until: number
  readonly last: number
}

/** Takes a part of a rate, or says how long it would take. */
export function takeRate(
  { sql, now }: Turn,
  { key, rule: given, cost, most }: RateAsk & { readonly key: string },
): RateAnswer {
  const row = sql.get<Row>(read, key)
  const rule = row === undefined || row.rule === null ? given : (JSON.parse(row.rule) as RateRule)
  if (cost > mostAtOnce(rule)) return { granted: false, wait: Infinity }
  const state =
    row === undefined
      ? freshRate
      : { tat: row.tat, window: row.start, used: row.used, until: row.until }
  const last = row?.last ?? 0
  const earlier = (before: number): number =>
    sql.get<{ at: number }>(moment, key, last - before)?.at ?? 0
  const next = nextSlot(state, { rule, cost }, { now, earlier })
  const wait = next.at - now
  if (wait > most) return { granted: false, wait }
  const { tat, window, used, until } = next.state
  const moments = rule.kind === 'sliding' ? cost : 0
  for (let i = 1; i <= moments; i++) sql.run(addMoment, key, last + i, next.at)
  if (moments > 0) sql.run(dropMoments, key, last + moments - rule.limit)
  const expires = wholeMs(Math.max(next.at, tat, until) + rule.per + kept)
  sql.run(write, key, tat, window, used, until, last + moments, expires)
  return { granted: true, wait }
}

/** Sets the rule of a key, or lets that of callers hold again. */
export function setRate(
  { sql, now }: Turn,
  { key, rule }: { readonly key: string; readonly rule: RateRule | null },
): null {
  sql.run(writeRule, key, rule === null ? null : JSON.stringify(rule), now + kept)
  return null
}

/** Nothing more goes for so long. */
export function holdOffRate(
  { sql, now }: Turn,
  { key, ms }: { readonly key: string; readonly ms: number },
): null {
  const until = now + ms
  sql.run(
    `INSERT INTO tw_rate(key, tat, start, used, until, last, expires) VALUES (?, 0, 0, 0, ?, 0, ?)
     ON CONFLICT(key) DO UPDATE SET until = max(until, excluded.until), expires = max(expires, excluded.expires)`,
    key,
    until,
    wholeMs(until + kept),
  )
  return null
}

/** Forgets keys that have nothing to say any more. */
export function sweepRates({ sql, now }: Turn): void {
  const gone = sql.all<{ key: string }>(
    `DELETE FROM tw_rate WHERE key IN (SELECT key FROM tw_rate WHERE expires <= ? AND rule IS NULL LIMIT ${sweepLimit}) RETURNING key`,
    now,
  )
  for (const { key } of gone) sql.run('DELETE FROM tw_rate_moment WHERE key = ?', key)
}
