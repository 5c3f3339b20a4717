/**
 * Claiming: first what is due is made ready and ended leases are taken back (250 of each at a time, so
 * that the write lock is never held for long), then each queue gives its share of the room.
 *
 * A claim is read first and then written: the rows come in their order, which those of RETURNING have
 * not. What is ready in one line (queue and priority) and lies close together is held by one statement,
 * 2 µs a row where a statement for each costs 4.5.
 */
import type { Delivery } from '../core/delivery.ts'
import { failpoint } from '../core/failpoint.ts'
import type { Body } from '../core/message.ts'
import { firstGated, moveGated, never } from './gates.ts'
import type { ClaimAnswer, ClaimAsk } from './operations.ts'
import { state, waitingToken } from './schema.ts'
import { fromStored } from './stored-body.ts'
import { wholeMs, type Turn } from './turn.ts'

/** SQLite's code of a damaged file. */
const sqliteCorrupt = 11
/** The most rows that one claim moves of each kind. */
const moveLimit = 250

/** in: queue, now · out: due messages become ready. */
const promote = `
UPDATE tw_message SET state = ${state.ready} WHERE seq IN (
  SELECT seq FROM tw_message WHERE queue = ? AND state = ${state.scheduled} AND at <= ?
   ORDER BY at LIMIT ${moveLimit})`
/** in: now · out: messages whose lease has ended become suspects, at their old place, one redelivery more. */
const reclaim = `
UPDATE tw_message
   SET state = ${state.suspect}, token = ${waitingToken.fresh}, redeliveries = redeliveries + 1
 WHERE seq IN (
  SELECT seq FROM tw_message WHERE state = ${state.leased} AND at <= ? ORDER BY at LIMIT ${moveLimit})`

const columns = `seq, id, queue, priority, redeliveries, enqueued, expires, cancelled,
  coalesce(data, (SELECT p.data FROM tw_payload p WHERE p.seq = tw_message.seq)) AS body`
/** in: queue, limit. */
const selectSuspects = `SELECT ${columns} FROM tw_message
 WHERE queue = ? AND state = ${state.suspect} ORDER BY priority DESC, seq LIMIT ?`
/** in: queue, limit · out: rows of {@link MessageRow}. */
export const selectReady: string = `SELECT ${columns} FROM tw_message
 WHERE queue = ? AND state = ${state.ready} ORDER BY priority DESC, seq LIMIT ?`
/** in: queue, limit. */
const selectScheduled = `SELECT ${columns} FROM tw_message
 WHERE queue = ? AND state = ${state.scheduled} ORDER BY at, seq LIMIT ?`
/** in: id. */
export const selectById: string = `SELECT ${columns}, state, at, token FROM tw_message WHERE id = ?`
/** in: what is added to seq to make the token, end of the lease, first and last seq, queue, priority. */
export const holdLine: string = `UPDATE tw_message SET state = ${state.leased}, token = ? + seq, at = ?
 WHERE seq BETWEEN ? AND ? AND +queue = ? AND +priority = ? AND +state = ${state.ready}`
/** in: token, end of the lease, seq. */
export const hold: string = `UPDATE tw_message SET state = ${state.leased}, token = ?, at = ? WHERE seq = ?`
/** The same for a row that an index called waiting · out: no change when it is held all the same. */
const holdWaiting = `${hold} AND state <> ${state.leased}`

const firstReady = `SELECT 1 AS found FROM tw_message WHERE queue = ? AND state = ${state.ready} LIMIT 1`
const firstSuspect = `SELECT 1 AS found FROM tw_message WHERE queue = ? AND state = ${state.suspect} LIMIT 1`
const firstDue = `SELECT at FROM tw_message WHERE queue = ? AND state = ${state.scheduled} ORDER BY at LIMIT 1`
const firstLease = `SELECT at FROM tw_message WHERE state = ${state.leased} ORDER BY at LIMIT 1`

/** A message on its way to a holder. */
export interface MessageRow {
  readonly seq: number
  readonly id: string
  readonly queue: number
  readonly priority: number
  readonly redeliveries: number
  readonly enqueued: number
  readonly expires: number | null
  readonly cancelled: string | null
  readonly body: Body
  /** Found as ready, in the order of its line. */
  readonly ready?: boolean
}

/** The same as its columns come. */
type MessageTuple = [
  seq: number,
  id: string,
  queue: number,
  priority: number,
  redeliveries: number,
  enqueued: number,
  expires: number | null,
  cancelled: string | null,
  body: Body,
]

function rowOf(tuple: MessageTuple, ready: boolean): MessageRow {
  const [seq, id, queue, priority, redeliveries, enqueued, expires, cancelled, body] = tuple
  return { seq, id, queue, priority, redeliveries, enqueued, expires, cancelled, body, ready }
}

/** Claims up to `room` messages. */
export function claim(turn: Turn, ask: ClaimAsk): ClaimAnswer {
  if (turn.maintenance) move(turn, ask)
  if (ask.early) for (const no of numbersOf(turn, ask)) moveGated(turn, no, never)
  const rows = pick(turn, ask)
  const deliveries = holdWaitingRows(turn, rows, ask.lease)
  return { deliveries, next: deliveries.length === 0 ? nextChange(turn, ask) : null }
}

/** Holds a message under a new token, whoever held it before. */
export function take(turn: Turn, row: MessageRow, lease: number): Delivery {
  const { sql, tokens, now } = turn
  const token = tokens.next(sql)
  sql.run(hold, token, wholeMs(now + lease), row.seq)
  return deliveryOf(turn, row, token)
}

/** The shortest line that is worth a statement of its own, and how many rows of others may lie between. */
const shortestLine = 4
const sparsest = 4

/**
 * Holds messages that wait, which are in the order of {@link pick}.
 *
 * @throws an error of a damaged file when the index that found a row disagrees with it: it would be
 * found, and run, again and again.
 */
function holdWaitingRows(turn: Turn, rows: readonly MessageRow[], lease: number): Delivery[] {
  const deliveries: Delivery[] = []
  for (let from = 0; from < rows.length;) {
    const line = lineOf(rows, from)
    from += line.length
    const [first, last] = [line[0], line.at(-1)]
    if (first === undefined || last === undefined) break
    const span = last.seq - first.seq + 1
    if (line.length < shortestLine || span > line.length * sparsest) {
      for (const row of line) deliveries.push(takeWaiting(turn, row, lease))
      continue
    }
    const { sql, now } = turn
    const offset = turn.tokens.take(sql, span) - first.seq
    const end = wholeMs(now + lease)
    const { queue, priority } = first
    const held = sql.run(holdLine, offset, end, first.seq, last.seq, queue, priority)
    if (held !== line.length) throw damaged(first.seq)
    turn.lines.add({ from: offset + first.seq, to: offset + last.seq, offset })
    failpoint('sqlite.claim.between')
    for (const row of line) deliveries.push(deliveryOf(turn, row, offset + row.seq))
  }
  return deliveries
}

/** Rows from there on that are all that is ready of their queue and priority between the first and the last. */
function lineOf(rows: readonly MessageRow[], from: number): readonly MessageRow[] {
  const first = rows[from]
  let to = from + 1
  if (first?.ready === true) {
    for (let next = rows[to]; next !== undefined; next = rows[++to]) {
      const same = next.queue === first.queue && next.priority === first.priority && next.ready
      if (!same) break
    }
  }
  return from === 0 && to === rows.length ? rows : rows.slice(from, to)
}

function takeWaiting(turn: Turn, row: MessageRow, lease: number): Delivery {
  const { sql, tokens, now } = turn
  const token = tokens.next(sql)
  if (sql.run(holdWaiting, token, wholeMs(now + lease), row.seq) === 0) throw damaged(row.seq)
  failpoint('sqlite.claim.between')
  return deliveryOf(turn, row, token)
}

function damaged(seq: number): Error {
  const told = `the index of what waits disagrees with row ${seq} of tw_message or one near it`
  return Object.assign(new Error(told), { errcode: sqliteCorrupt })
}

function deliveryOf({ sql, queues }: Turn, row: MessageRow, token: number): Delivery {
  const { id, priority, redeliveries, enqueued, expires, cancelled } = row
  const queue = queues.name(sql, row.queue)
  const body = fromStored(row.body)
  const delivery = { id, queue, token, priority, body, redeliveries, enqueuedAt: enqueued }
  if (expires === null && cancelled === null) return delivery
  return {
    ...delivery,
    ...(expires === null ? {} : { expires }),
    ...(cancelled === null ? {} : { cancelled }),
  }
}

/**
 * Whether a claim would find or move anything: only reads, so that an idle worker never asks for the
 * write lock. Answers the empty claim where it would not.
 */
export function emptyClaim(turn: Turn, ask: ClaimAsk): ClaimAnswer | undefined {
  const { sql, now, maintenance } = turn
  for (const no of numbersOf(turn, ask)) {
    if (sql.get(firstReady, no) !== undefined) return undefined
    if (ask.suspects > 0 && sql.get(firstSuspect, no) !== undefined) return undefined
    const due = ask.early || maintenance ? sql.get<{ at: number }>(firstDue, no) : undefined
    if (due !== undefined && (ask.early || due.at <= now)) return undefined
    const gated = ask.early ? sql.get<{ at: number }>(firstGated, no) : undefined
    if (gated !== undefined && gated.at < never) return undefined
  }
  const next = nextChange(turn, ask)
  return maintenance && next !== null && next <= now ? undefined : { deliveries: [], next }
}

/**
 * Makes due messages ready and takes back ended leases. Most claims find nothing of the kind, and a look
 * at the first one costs a fifth of a statement that would write.
 */
function move(turn: Turn, ask: ClaimAsk): void {
  const { sql, now, news } = turn
  const isDue = (first: string, ...of: readonly number[]): boolean =>
    (sql.get<{ at: number }>(first, ...of)?.at ?? Infinity) <= now
  let more = isDue(firstLease) && sql.run(reclaim, now) > 0
  failpoint('sqlite.claim.moved')
  for (const no of numbersOf(turn, ask)) {
    if (isDue(firstDue, no) && sql.run(promote, no, now) > 0) more = true
    if (isDue(firstGated, no) && moveGated(turn, no, now)) more = true
  }
  // Others may have room for what we leave.
  if (more) news.work = true
}

/** When something changes by itself: a message is due, or a lease ends. */
function nextChange(turn: Turn, ask: ClaimAsk): number | null {
  const { sql, maintenance } = turn
  if (!maintenance) return null
  let next = sql.get<{ at: number }>(firstLease)?.at ?? Infinity
  for (const no of numbersOf(turn, ask)) {
    next = Math.min(next, sql.get<{ at: number }>(firstDue, no)?.at ?? Infinity)
    const gated = sql.get<{ at: number }>(firstGated, no)?.at ?? never
    if (gated < never) next = Math.min(next, gated)
  }
  return next === Infinity ? null : next
}

function numbersOf({ sql, queues }: Turn, { queues: names }: ClaimAsk): number[] {
  return [...new Set(names)].flatMap((name) => queues.find(sql, name) ?? [])
}

/**
 * The rows to claim: a fair share of the room for each queue that has any, what one leaves for the
 * others, highest priority first over all of them. Who is served first turns with each claim.
 */
function pick(turn: Turn, ask: ClaimAsk): MessageRow[] {
  if (ask.shares !== undefined) return pickByShares(turn, ask, ask.shares)
  const numbers = numbersOf(turn, ask)
  const [only] = numbers
  if (numbers.length === 1 && only !== undefined) return waiting(turn, only, ask)
  const start = turn.tokens.turnOf(numbers.length)
  const turned = [...numbers.slice(start), ...numbers.slice(0, start)]
  let { suspects } = ask
  let open = turned.map((no) => {
    const rows = waiting(turn, no, { ...ask, suspects })
    suspects -= rows.filter(({ redeliveries }) => redeliveries > 0).length
    return { rows, taken: 0 }
  })
  const all = open
  let room = ask.room
  while (room > 0) {
    open = open.filter(({ rows, taken }) => taken < rows.length)
    if (open.length === 0) break
    const share = Math.max(1, Math.floor(room / open.length))
    for (const line of open) {
      const more = Math.min(share, room, line.rows.length - line.taken)
      line.taken += more
      room -= more
    }
  }
  const rows = all.flatMap((line) => line.rows.slice(0, line.taken))
  return rows.sort((a, b) => b.priority - a.priority || a.seq - b.seq)
}

/** Each queue has its share first; what is left goes to the others in their order. */
function pickByShares(turn: Turn, ask: ClaimAsk, shares: readonly number[]): MessageRow[] {
  let { room, suspects } = ask
  const lines = ask.queues.flatMap((name, i) => {
    const no = turn.queues.find(turn.sql, name)
    if (no === undefined) return []
    const rows = waiting(turn, no, { ...ask, suspects })
    suspects -= rows.filter(({ redeliveries }) => redeliveries > 0).length
    const taken = Math.min(shares[i] ?? 0, rows.length)
    room -= taken
    return [{ rows, taken }]
  })
  return lines.flatMap(({ rows, taken }) => {
    const more = Math.min(room, rows.length - taken)
    room -= more
    return rows.slice(0, taken + more)
  })
}

/** Suspects first, as many as are wanted, then what is ready. */
function waiting({ sql }: Turn, no: number, { room, early, suspects }: ClaimAsk): MessageRow[] {
  const read = (query: string, limit: number): MessageRow[] =>
    sql.tuples<MessageTuple>(query, no, limit).map((tuple) => rowOf(tuple, query === selectReady))
  // There is hardly ever one, and to look costs a twentieth of a list of none.
  const first =
    suspects > 0 && sql.get(firstSuspect, no) !== undefined
      ? read(selectSuspects, Math.min(room, suspects))
      : []
  const ready = read(selectReady, room - first.length)
  const rows = first.length === 0 ? ready : [...first, ...ready]
  if (!early || rows.length >= room) return rows
  return [...rows, ...read(selectScheduled, room - rows.length)]
}
