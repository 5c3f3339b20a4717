import type { QueueCounts, StoredMessage } from '../core/inspector.ts'
import type { Body } from '../core/message.ts'
import type { TaskStatus } from '../core/states.ts'
import { never } from './gates.ts'
import type { PageAnswer, PageAsk, PagePlace } from './operations.ts'
import { state, waitingToken } from './schema.ts'
import { fromStored } from './stored-body.ts'
import type { Turn } from './turn.ts'

/** in: now, four times · out: counts by the partial indexes; of messages only the running ones are read. What is due counts as queued. */
const counts = `
SELECT q.name AS queue, q.cap AS cap,
  (SELECT count(*) FROM tw_message WHERE queue = q.no AND state = ${state.ready})
  + (SELECT count(*) FROM tw_message WHERE queue = q.no AND state = ${state.suspect})
  + (SELECT count(*) FROM tw_message WHERE queue = q.no AND state = ${state.scheduled} AND at <= ?)
  + (SELECT count(*) FROM tw_message WHERE queue = q.no AND state = ${state.gated} AND (at <= ? OR at = ${never})) AS queued,
  (SELECT count(*) FROM tw_message WHERE queue = q.no AND state = ${state.scheduled} AND at > ?)
  + (SELECT count(*) FROM tw_message WHERE queue = q.no AND state = ${state.gated} AND at > ? AND at < ${never}) AS scheduled,
  coalesce(r.running, 0) AS running,
  (SELECT count(*) FROM tw_dead WHERE queue = q.no) AS dead
  FROM tw_queue q
  LEFT JOIN (SELECT queue, count(*) AS running FROM tw_message WHERE state = ${state.leased} GROUP BY queue) r
    ON r.queue = q.no
 ORDER BY q.name`
/** in: queue, seq to begin after, limit. */
const page = `
SELECT seq, id, priority, state, at, enqueued, redeliveries,
       coalesce(data, (SELECT p.data FROM tw_payload p WHERE p.seq = m.seq)) AS body
  FROM tw_message m WHERE queue = ? AND seq > ? ORDER BY seq LIMIT ?`
/** in: id · out: the place of that message. */
const placeOf = 'SELECT seq, at FROM tw_message WHERE id = ?'
/** in: (queue, time and seq to begin after, limit), twice; limit. What is scheduled has an index by time, and so has what will come to gates. */
const soonest = `
WITH soon AS (SELECT * FROM (SELECT seq, at FROM tw_message
   WHERE state = ${state.scheduled} AND queue = ? AND (at, seq) > (?, ?) ORDER BY at, seq LIMIT ?)
 UNION ALL SELECT * FROM (SELECT seq, at FROM tw_message
   WHERE state = ${state.gated} AND queue = ? AND (at, seq) > (?, ?) AND at < ${never} ORDER BY at, seq LIMIT ?)
 ORDER BY at, seq LIMIT ?)
SELECT m.seq AS seq, id, priority, state, m.at AS at, enqueued, redeliveries,
       coalesce(data, (SELECT p.data FROM tw_payload p WHERE p.seq = m.seq)) AS body
  FROM soon JOIN tw_message m ON m.seq = soon.seq ORDER BY m.at, m.seq`
/** Behind every message of a time. */
const maxSeq = Number.MAX_SAFE_INTEGER
const stateOf = 'SELECT state, token, at FROM tw_message WHERE id = ?'
const deadReason = 'SELECT reason FROM tw_dead WHERE id = ?'

const names = new Map<number, StoredMessage['state']>([
  [state.ready, 'queued'],
  [state.suspect, 'queued'],
  [state.scheduled, 'scheduled'],
  [state.gated, 'scheduled'],
  [state.leased, 'running'],
])

/** Every queue with its counts. */
export function queueCounts({ sql, now }: Turn): QueueCounts[] {
  return sql.all<QueueCounts>(counts, now, now, now, now).map((row) => ({ ...row }))
}

interface Row {
  seq: number
  id: string
  priority: number
  state: number
  at: number
  enqueued: number
  redeliveries: number
  body: Body
}

/** Messages of a queue, oldest first. */
export function peek(turn: Turn, ask: PageAsk): PageAnswer {
  const { sql, queues } = turn
  const no = queues.find(sql, ask.queue)
  if (no === undefined) return { messages: [], last: undefined }
  return answerOf(turn, ask, sql.all<Row>(page, no, startOf(turn, ask)?.seq ?? 0, ask.page.limit))
}

/** Messages of a queue whose time has not come, the soonest first. */
export function scheduled(turn: Turn, ask: PageAsk): PageAnswer {
  const { sql, queues, now } = turn
  const no = queues.find(sql, ask.queue)
  if (no === undefined) return { messages: [], last: undefined }
  const from = startOf(turn, ask)
  const start = from !== undefined && from.at > now ? from : { at: now, seq: maxSeq }
  const { limit } = ask.page
  const half = [no, start.at, start.seq, limit]
  return answerOf(turn, ask, sql.all<Row>(soonest, ...half, ...half, limit))
}

/** Where a page begins: at the start where nobody knows the message, so that none is missed. */
function startOf({ sql }: Turn, { from, page: { after } }: PageAsk): PagePlace | undefined {
  return from ?? (after === undefined ? undefined : sql.get<PagePlace>(placeOf, after))
}

function answerOf({ now }: Turn, { queue }: PageAsk, rows: readonly Row[]): PageAnswer {
  const last = rows.at(-1)
  return {
    messages: rows.map((row) => ({
      id: row.id,
      queue,
      priority: row.priority,
      state: isDue(row, now) ? 'queued' : (names.get(row.state) ?? 'queued'),
      body: fromStored(row.body),
      redeliveries: row.redeliveries,
      at:
        row.state === state.ready || row.state === state.suspect || isDue(row, now)
          ? row.enqueued
          : row.at,
    })),
    last: last === undefined ? undefined : { seq: last.seq, at: last.at },
  }
}

/** The state of each id as far as messages and dead letters tell. */
export function states({ sql, now }: Turn, ids: readonly string[]): (TaskStatus | null)[] {
  return ids.map((id) => {
    const row = sql.get<{ state: number; token: number; at: number }>(stateOf, id)
    if (row !== undefined) {
      if (isDue(row, now)) return 'queued'
      const retrying = names.get(row.state) === 'scheduled' && row.token === waitingToken.retried
      return retrying ? 'retrying' : (names.get(row.state) ?? null)
    }
    const dead = sql.get<{ reason: string }>(deadReason, id)
    if (dead === undefined) return null
    return dead.reason === 'failed' ? 'failed' : 'dead'
  })
}

/** Whether its time has come, though nobody has moved it yet, or it only waits for its turn at a gate. */
function isDue(row: { readonly state: number; readonly at: number }, now: number): boolean {
  if (row.state === state.gated) return row.at <= now || row.at === never
  return row.state === state.scheduled && row.at <= now
}
