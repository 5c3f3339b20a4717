import type { DeadLetter, DeadTrim, PageRequest } from '../core/inspector.ts'
import type { Body } from '../core/message.ts'
import { enterGates } from './gates.ts'
import { inlineBody, state, waitingToken } from './schema.ts'
import { fromStored, toStored } from './stored-body.ts'
import { wholeMs, type Turn } from './turn.ts'

const columns = `d.id AS id, q.name AS queue, d.priority AS priority, d.data AS body, d.reason AS reason,
  d.detail AS detail, d.redeliveries AS redeliveries, d.at AS at`
const from = 'FROM tw_dead d JOIN tw_queue q ON q.no = d.queue'
/** in: seq to begin before, limit. */
const pageOfAll = `SELECT ${columns} ${from} WHERE d.seq < ? ORDER BY d.seq DESC LIMIT ?`
/** in: queue, seq to begin before, limit. */
const pageOfQueue = `SELECT ${columns} ${from} WHERE d.queue = ? AND d.seq < ? ORDER BY d.seq DESC LIMIT ?`
const one = `SELECT ${columns} ${from} WHERE d.id = ?`
/** in: id · out: its place; when it has left, that of the next higher id, so that a page goes on near it. */
const placeOf = 'SELECT seq FROM tw_dead WHERE id >= ? ORDER BY id LIMIT 1'
/** in: now, new body or NULL, id. All columns of the letter, fresh budget; without the body when it is large. */
const back = `
INSERT INTO tw_message(id, queue, priority, state, at, token, redeliveries, enqueued, data)
SELECT id, queue, priority, ${state.ready}, n.now, ${waitingToken.fresh}, 0, enqueued,
       CASE WHEN length(coalesce(n.body, data)) > ${inlineBody} THEN NULL ELSE coalesce(n.body, data) END
  FROM tw_dead, (SELECT ? AS now, ? AS body) n WHERE id = ?
    ON CONFLICT(id) DO NOTHING`
/** in: new body or NULL, id. Only for a row that was left without its body. */
const backPayload = `
INSERT INTO tw_payload(seq, data)
SELECT m.seq, coalesce(?, d.data) FROM tw_message m JOIN tw_dead d ON d.id = m.id
 WHERE m.id = ? AND m.data IS NULL`
/** in: queue, set aside before, queue, how many are kept, limit. The newest that is too many is found by its place in the index. */
const trim = `
DELETE FROM tw_dead WHERE seq IN (
  SELECT seq FROM tw_dead WHERE queue = ? AND (at < ? OR seq <=
    coalesce((SELECT seq FROM tw_dead WHERE queue = ? ORDER BY seq DESC LIMIT 1 OFFSET ?), 0))
   ORDER BY seq LIMIT ?)`
/** in: id, id · out: 1 change when it had gates. */
const backGates = `
UPDATE tw_message SET passed = 0, state = ${state.gated}, gates = (SELECT gates FROM tw_dead WHERE id = ?)
 WHERE id = (SELECT id FROM tw_dead WHERE id = ? AND gates IS NOT NULL)`
const remove = 'DELETE FROM tw_dead WHERE id = ?'

/** Dead letters, newest first. */
export function deadLetters(
  { sql, queues }: Turn,
  { limit, after, queue }: PageRequest & { queue?: string | undefined },
): DeadLetter[] {
  const seq =
    after === undefined
      ? Number.MAX_SAFE_INTEGER
      : (sql.get<{ seq: number }>(placeOf, after)?.seq ?? Number.MAX_SAFE_INTEGER)
  if (queue === undefined) return sql.all<DeadLetter>(pageOfAll, seq, limit).map(copy)
  const no = queues.find(sql, queue)
  return no === undefined ? [] : sql.all<DeadLetter>(pageOfQueue, no, seq, limit).map(copy)
}

/** One dead letter. */
export function deadLetter({ sql }: Turn, id: string): DeadLetter | null {
  const row = sql.get<DeadLetter>(one, id)
  return row === undefined ? null : copy(row)
}

/** Puts dead letters back, ready, and deletes their results. */
export function retryDead(
  turn: Turn,
  { ids, bodies }: { ids: readonly string[]; bodies: ReadonlyMap<string, Body> | undefined },
): string[] {
  const { sql, now, news } = turn
  return ids.filter((id) => {
    const given = bodies?.get(id)
    const body = given === undefined ? null : toStored(given)
    if (sql.run(back, now, body, id) === 0) return false
    sql.run(backPayload, body, id)
    if (sql.run(backGates, id, id) > 0) enterGates(turn, id)
    sql.run(remove, id)
    sql.run('DELETE FROM tw_result WHERE id = ?', id)
    news.work = true
    return true
  })
}

/** Deletes dead letters for good; how many there were. */
export function deleteDead({ sql }: Turn, ids: readonly string[]): number {
  let deleted = 0
  for (const id of ids) deleted += sql.run(remove, id)
  return deleted
}

/** Deletes the oldest of a queue for good; how many. */
export function trimDead(
  { sql, queues }: Turn,
  { queue, before = 0, keep = Number.MAX_SAFE_INTEGER, limit }: DeadTrim,
): number {
  const no = queues.find(sql, queue)
  return no === undefined ? 0 : sql.run(trim, no, wholeMs(before), no, keep, limit)
}

/** Rows of SQLite have no prototype; callers get ordinary objects. */
function copy(row: DeadLetter): DeadLetter {
  return { ...row, body: fromStored(row.body) }
}
