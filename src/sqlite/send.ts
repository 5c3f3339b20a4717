import { InvalidInputError, QueueFullError } from '../core/errors.ts'
import { checkGates, type Gate } from '../core/gate.ts'
import { isId } from '../core/ids.ts'
import type { Body, Envelope } from '../core/message.ts'
import type { SendStatus } from '../core/transport.ts'
import { checkUnique, type Unique } from '../core/unique.ts'
import { enterGates, findRoom, passAll, toText } from './gates.ts'
import { inlineBody, state, waitingToken } from './schema.ts'
import { toStored } from './stored-body.ts'
import { wholeMs, type Turn } from './turn.ts'
import { askKey, takeKey } from './unique.ts'

/**
 * in: id, queue, priority, state, at, now, expires, body; id, now; id · out: 1 change when it was stored,
 * 0 when a message, a dead letter or a result of that id is kept. (Numbered parameters would spare the
 * repetition, but better-sqlite3 takes them for named ones.)
 */
const insertWith = ({ columns, values }: { columns: string; values: string }): string => `
INSERT INTO tw_message(id, queue, priority, state, at, token, redeliveries, enqueued, expires, data${columns})
SELECT ?, ?, ?, ?, ?, ${waitingToken.fresh}, 0, ?, ?, ?${values}
 WHERE NOT EXISTS (SELECT 1 FROM tw_result WHERE id = ? AND expires > ?)
   AND NOT EXISTS (SELECT 1 FROM tw_dead WHERE id = ?)
    ON CONFLICT(id) DO NOTHING`
export const insert: string = insertWith({ columns: '', values: '' })
/** The same of one that has passed its gates; in, behind the body: gates, their number. */
const insertPassed = insertWith({ columns: ', gates, passed', values: ', ?, ?' })
/** in: body, id. The row of that id was inserted just before. */
const insertPayload = 'INSERT INTO tw_payload(seq, data) SELECT seq, ? FROM tw_message WHERE id = ?'
/** in: gates, id. The row of that id was inserted just before: its time stays where it is. */
const insertGates = `UPDATE tw_message SET gates = ?, passed = 0, state = ${state.gated} WHERE id = ?`
/** in: queue number · out: what its cap counts. The counts walk a partial index only. */
const countWaiting = `
SELECT (SELECT count(*) FROM tw_message WHERE queue = q.no AND state = ${state.ready})
     + (SELECT count(*) FROM tw_message WHERE queue = q.no AND state = ${state.suspect})
     + (SELECT count(*) FROM tw_message WHERE queue = q.no AND state = ${state.gated})
     + (SELECT count(*) FROM tw_message WHERE queue = q.no AND state = ${state.scheduled}) AS waiting
  FROM tw_queue q WHERE q.no = ?`

/** Whether a body lies beside its message. */
export const isLarge = (body: Body): boolean => body.length > inlineBody

/** in: id, id, id, now. */
const known = `
SELECT 1 AS found WHERE EXISTS (SELECT 1 FROM tw_message WHERE id = ?)
    OR EXISTS (SELECT 1 FROM tw_dead WHERE id = ?)
    OR EXISTS (SELECT 1 FROM tw_result WHERE id = ? AND expires > ?)`

function isKnown({ sql, now }: Turn, id: string): boolean {
  return sql.get(known, id, id, id, now) !== undefined
}

/** Stores one message unless its id is known. Not bound by caps: follow-ups must not be refused. */
export function place(turn: Turn, envelope: Envelope): SendStatus {
  const { unique } = envelope
  const due = wholeMs(envelope.at ?? turn.now + (envelope.delay ?? 0))
  return unique === undefined
    ? placeRow(turn, envelope, due)
    : placeUnique(turn, { ...envelope, unique }, due)
}

/** Nothing is stored where another message keeps the key; one that is replaced is cancelled. */
function placeUnique(
  turn: Turn,
  envelope: Envelope & { readonly unique: Unique },
  wanted: number,
): SendStatus {
  const { id, unique } = envelope
  const key = askKey(turn, unique)
  if (key.holder !== undefined && key.holder !== id && unique.onConflict === 'keep')
    return isKnown(turn, id) ? 'known' : { kept: key.holder }
  const status = placeRow(turn, envelope, wholeMs(Math.min(wanted, key.latest)))
  if (status === 'known') return status
  takeKey(turn, envelope, key)
  return key.holder === undefined ? status : { replaced: key.holder }
}

/** A message whose gates are open is stored as ready; else it comes to them when its time has come. */
function placeRow(turn: Turn, envelope: Envelope, due: number): SendStatus {
  const { sql, now, news } = turn
  const { id, gates } = envelope
  const later = due > now
  const passed = gates !== undefined && !later && findRoom(turn, gates) ? gates : undefined
  if (!insertRow(turn, envelope, { due, passed })) return 'known'
  if (passed !== undefined) passAll(turn, passed, id)
  else if (gates !== undefined) {
    sql.run(insertGates, toText(gates), id)
    if (!later) {
      const dropped = enterGates(turn, id)
      return dropped === undefined ? 'stored' : { dropped }
    }
  }
  news.work = true
  return 'stored'
}

/** False when the id is known. */
function insertRow(
  { sql, now, queues }: Turn,
  { id, queue, priority, expires, body: given }: Envelope,
  { due, passed }: { readonly due: number; readonly passed: readonly Gate[] | undefined },
): boolean {
  const no = queues.draw(sql, queue)
  const body = toStored(given)
  const inline = isLarge(body) ? null : body
  const [to, at] = due > now ? [state.scheduled, due] : [state.ready, now]
  const until = expires === undefined ? null : wholeMs(expires)
  // Each written out: every message comes through here, and a list of its columns is one object more.
  const changes =
    passed === undefined
      ? sql.run(insert, id, no, priority, to, at, now, until, inline, id, now, id)
      : sql.run(
          insertPassed,
          id,
          no,
          priority,
          to,
          at,
          now,
          until,
          inline,
          toText(passed),
          passed.length,
          id,
          now,
          id,
        )
  if (changes === 0) return false
  if (inline === null) sql.run(insertPayload, body, id)
  return true
}

/**
 * Stores messages, all or none. A queue with a cap is counted after the writes, so that ids which are
 * known do not count twice; where it is exceeded the writes are taken back.
 *
 * @throws QueueFullError
 */
export function send(turn: Turn, envelopes: readonly Envelope[]): SendStatus[] {
  const { sql, queues } = turn
  const caps = new Map<string, number>()
  for (const name of new Set(envelopes.map(({ queue }) => queue))) {
    const cap = capOf(turn, name)
    if (cap !== null) caps.set(name, cap)
  }
  if (caps.size === 0) return envelopes.map((envelope) => place(turn, envelope))
  sql.exec('SAVEPOINT tw_send')
  const statuses = envelopes.map((envelope) => place(turn, envelope))
  for (const [name, cap] of caps) {
    const stored = envelopes.some(({ queue }, i) => queue === name && isNew(statuses[i]))
    const row = stored
      ? sql.get<{ waiting: number }>(countWaiting, queues.draw(sql, name))
      : undefined
    if (row !== undefined && row.waiting > cap) {
      sql.exec('ROLLBACK TO tw_send; RELEASE tw_send')
      throw new QueueFullError(name, cap)
    }
  }
  sql.exec('RELEASE tw_send')
  return statuses
}

function isNew(status: SendStatus | undefined): boolean {
  return status === 'stored' || (typeof status === 'object' && !('kept' in status))
}

/** Whether a queue has not reached its cap. */
export function hasRoom(turn: Turn, name: string): boolean {
  const cap = capOf(turn, name)
  if (cap === null) return true
  const row = turn.sql.get<{ waiting: number }>(countWaiting, turn.queues.draw(turn.sql, name))
  return (row?.waiting ?? 0) < cap
}

/** The cap of a queue as it stands now; any process may have changed it. */
function capOf({ sql, queues }: Turn, name: string): number | null {
  const no = queues.draw(sql, name)
  return sql.get<{ cap: number | null }>('SELECT cap FROM tw_queue WHERE no = ?', no)?.cap ?? null
}

/** @throws InvalidInputError for what no store could keep. */
export function checkEnvelope({ id, priority, delay, at, expires, unique, gates }: Envelope): void {
  if (!isId(id)) {
    throw new InvalidInputError(
      `'${String(id).slice(0, 128)}' cannot be a message id: use 1 to 128 letters, digits and _ . : -`,
    )
  }
  if (!Number.isInteger(priority) || priority < 0 || priority > 9) {
    throw new InvalidInputError(`message ${id}: a priority is a whole number from 0 to 9.`)
  }
  if (Number.isNaN(delay ?? 0) || Number.isNaN(at ?? 0) || Number.isNaN(expires ?? 0)) {
    throw new InvalidInputError(`message ${id}: 'delay', 'at' and 'expires' are milliseconds.`)
  }
  checkUnique(id, unique)
  checkGates(id, gates)
}
