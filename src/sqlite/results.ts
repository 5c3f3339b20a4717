import type { Claim } from '../core/delivery.ts'
import type { Body } from '../core/message.ts'
import type { StoredResult } from '../core/result.ts'
import { sweepRates } from './rates.ts'
import { state } from './schema.ts'
import { fromStored, toStored } from './stored-body.ts'
import { wholeMs, type Turn } from './turn.ts'
import { sweepKeys } from './unique.ts'

/** in: id, expires, body, now · out: 1 change when it is ours; one that has expired makes room. */
const save = saveRows(1)
/** Many rows in one statement: 3 µs a row where a statement for each costs 5. */
export const manyRows = 16
const saveMany = saveRows(manyRows)

/** in: id, expiry and body of each row; now · out: as many changes as there were no results of those ids. */
export function saveRows(count: number): string {
  return `
INSERT INTO tw_result(id, expires, data) VALUES ${Array.from({ length: count }, () => '(?, ?, ?)').join()}
    ON CONFLICT(id) DO UPDATE SET expires = excluded.expires, data = excluded.data
 WHERE tw_result.expires <= ?`
}
const read = 'SELECT data FROM tw_result WHERE id = ? AND expires > ?'
const readProgress = 'SELECT data FROM tw_progress WHERE id = ? AND expires > ?'
const remove = 'DELETE FROM tw_result WHERE id = ? AND expires > ?'
/** in: id, token · out: a row while the claim holds its message. */
const holds = `SELECT 1 AS found FROM tw_message WHERE id = ? AND token = ? AND state = ${state.leased}`
const writeProgress = `
INSERT INTO tw_progress(id, expires, data) VALUES (?, ?, ?)
    ON CONFLICT(id) DO UPDATE SET expires = excluded.expires, data = excluded.data`
const sweepLimit = 500
const sweep = (table: string): string =>
  `DELETE FROM ${table} WHERE rowid IN (SELECT rowid FROM ${table} WHERE expires <= ? ORDER BY expires LIMIT ${sweepLimit})`
const sweepResults = sweep('tw_result')
const sweepProgress = sweep('tw_progress')
const sweepPermits = sweep('tw_permit')

/** Stores results of which there are none yet. */
export function saveNewResults(turn: Turn, results: readonly StoredResult[]): void {
  const { sql, now, news } = turn
  let from = 0
  for (; from + manyRows <= results.length; from += manyRows) {
    const values = results
      .slice(from, from + manyRows)
      .flatMap(({ id, body, expiresIn }) => [id, wholeMs(now + expiresIn), toStored(body)])
    if (sql.run(saveMany, ...values, now) > 0) news.results = true
  }
  for (const result of results.slice(from)) saveResult(turn, result)
}

/** Stores a result unless there is one. */
function saveResult({ sql, now, news }: Turn, result: StoredResult): boolean {
  const { id, body, expiresIn } = result
  const ours = sql.run(save, id, wholeMs(now + expiresIn), toStored(body), now) > 0
  if (ours) news.results = true
  return ours
}

/** Stores results; what is stored of each. */
export function saveResults(turn: Turn, results: readonly StoredResult[]): Body[] {
  return results.map((result) => {
    if (saveResult(turn, result)) return result.body
    return readOne(turn, result.id) ?? result.body
  })
}

/** The results of ids. */
export function getResults(turn: Turn, ids: readonly string[]): (Body | null)[] {
  return ids.map((id) => readOne(turn, id))
}

/** The progress of ids. */
export function getProgress({ sql, now }: Turn, ids: readonly string[]): (Body | null)[] {
  return ids.map((id) => bodyOf(sql.get<{ data: Body }>(readProgress, id, now)))
}

/** Deletes results and progress. */
export function deleteResults({ sql, now }: Turn, ids: readonly string[]): number {
  let deleted = 0
  for (const id of ids) {
    deleted += sql.run(remove, id, now)
    sql.run('DELETE FROM tw_progress WHERE id = ?', id)
  }
  return deleted
}

/** Stores progress while the claim holds its message. */
export function saveProgress(
  { sql, now }: Turn,
  { claim, body, expiresIn }: { claim: Claim; body: Body; expiresIn: number },
): boolean {
  if (sql.get(holds, claim.id, claim.token) === undefined) return false
  sql.run(writeProgress, claim.id, wholeMs(now + expiresIn), toStored(body))
  return true
}

/** Deletes some of what has expired (500 of each); readers never see it in any case. Whether there may be more. */
export function sweepExpired(turn: Turn): boolean {
  const { sql, now } = turn
  const results = sql.run(sweepResults, now)
  const progress = sql.run(sweepProgress, now)
  const permits = sql.run(sweepPermits, now)
  sweepKeys(turn)
  sweepRates(turn)
  return [results, progress, permits].includes(sweepLimit)
}

function readOne({ sql, now }: Turn, id: string): Body | null {
  return bodyOf(sql.get<{ data: Body }>(read, id, now))
}

function bodyOf(row: { readonly data: Body } | undefined): Body | null {
  return row === undefined ? null : fromStored(row.data)
}
