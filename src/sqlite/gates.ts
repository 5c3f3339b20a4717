/**
 * Gates: limits over all processes, held by messages.
 *
 * A message with gates is in state 6 until it has passed all of them: with its time in `at` while it is
 * scheduled, and at `never` while it stands in a line. `passed` says how many of its gates it has passed.
 * When its row is deleted, a trigger notes what it held (tw_ungated), and the settle that deleted it gives
 * that to the next in the same transaction: rows without gates pay nothing for it.
 */
import {
  droppedReason,
  isKept,
  readGate,
  storedGate,
  supersededReason,
  type Gate,
  type StoredGate,
} from '../core/gate.ts'
import { state, waitingToken } from './schema.ts'
import { supersede } from './supersede.ts'
import type { Turn } from './turn.ts'

/** When a message that stands in a line is due. */
export const never: number = Number.MAX_SAFE_INTEGER
/** The most messages of a queue that one claim takes to their gates. */
const moveLimit = 250

const gateRow = 'SELECT held, cap FROM tw_gate WHERE key = ?'
const hold = `
INSERT INTO tw_gate(key, held) VALUES (?, 1) ON CONFLICT(key) DO UPDATE SET held = held + 1`
/** in: how many, key. */
const free = 'UPDATE tw_gate SET held = held - ? WHERE key = ?'
const forget = `
DELETE FROM tw_gate WHERE key = ? AND held = 0 AND cap IS NULL
   AND NOT EXISTS (SELECT 1 FROM tw_gate_line WHERE key = tw_gate.key)`
const setCap = `
INSERT INTO tw_gate(key, held, cap) VALUES (?, 0, ?) ON CONFLICT(key) DO UPDATE SET cap = excluded.cap`
/** in: key, rank, place or NULL (behind all of the line), key, seq. */
const enqueue = `
INSERT INTO tw_gate_line(key, rank, place, seq)
SELECT ?, ?, coalesce(?, (SELECT coalesce(max(place), 0) + 1 FROM tw_gate_line WHERE key = ?)), ?`
/** in: key · out: who passes next. */
const firstInLine = `
SELECT m.seq AS seq, m.id AS id, m.priority AS priority, m.gates AS gates, m.passed AS passed
  FROM tw_gate_line l JOIN tw_message m ON m.seq = l.seq
 WHERE l.key = ? ORDER BY l.rank, l.place, l.seq LIMIT 1`
/** in: key, key · out: the first are those who have passed a gate that cancels, the last those who wait there. */
const countRivals = `
SELECT (SELECT count(*) FROM tw_gate_holder WHERE key = ?) + (SELECT count(*) FROM tw_gate_line WHERE key = ?) AS rivals`
/** in: key, key · out: whom a gate that cancels cancels next. */
const oldestRival = `
SELECT coalesce((SELECT id FROM tw_gate_holder WHERE key = ? ORDER BY place LIMIT 1),
  (SELECT m.id FROM tw_gate_line l JOIN tw_message m ON m.seq = l.seq WHERE l.key = ? ORDER BY l.place LIMIT 1)) AS id`
const addHolder = 'INSERT INTO tw_gate_holder(key, id) VALUES (?, ?)'
const dropHolder = 'DELETE FROM tw_gate_holder WHERE id = ? AND key = ?'
const dropMessage = `UPDATE tw_message SET cancelled = coalesce(cancelled, ?), state = ${state.ready}, at = ?, passed = ? WHERE seq = ?`
const leaveLine = 'DELETE FROM tw_gate_line WHERE seq = ?'
const setPassed = 'UPDATE tw_message SET passed = ? WHERE seq = ?'
const park = `UPDATE tw_message SET state = ${state.gated}, at = ${never}, passed = ? WHERE seq = ?`
/** in: now, passed, seq. A suspect is none here: nobody has claimed it since it came to its gates. */
const ready = `UPDATE tw_message SET state = ${state.ready}, at = ?, passed = ? WHERE seq = ?`
const lastSeq = 'SELECT max(seq) AS seq FROM tw_message'
const moveRow = 'UPDATE tw_message SET seq = ? WHERE seq = ?'
const movePayload = 'UPDATE tw_payload SET seq = ? WHERE seq = ?'
/** in: queue, now · out: whose time has come. */
const due = `
SELECT seq, id, priority, gates, passed FROM tw_message
 WHERE queue = ? AND state = ${state.gated} AND at <= ? ORDER BY at, seq LIMIT ${moveLimit}`
export const firstGated: string = `SELECT at FROM tw_message WHERE queue = ? AND state = ${state.gated} ORDER BY at LIMIT 1`
const byId = 'SELECT seq, id, priority, gates, passed FROM tw_message WHERE id = ?'
const ungated = 'SELECT seq, id, gates, passed FROM tw_ungated'

/** A message at its gates. */
export interface GatedRow {
  readonly seq: number
  readonly id: string
  readonly priority: number
  readonly gates: string
  readonly passed: number
}

/** Gates as they are kept. */
export function toText(gates: readonly Gate[]): string {
  return JSON.stringify(gates.map(storedGate))
}

/** What {@link toText} wrote. */
export function fromText(text: string): Gate[] {
  return (JSON.parse(text) as StoredGate[]).map(readGate)
}

/** Whether a message that comes now passes all of these gates at once: most do, and are stored as ready then. */
export function findRoom({ sql }: Turn, gates: readonly Gate[]): boolean {
  return gates.every(({ key, limit }) => {
    const { held = 0, cap = null } =
      sql.get<{ held: number; cap: number | null }>(gateRow, key) ?? {}
    return held < (cap ?? limit)
  })
}

/** A message that was stored as ready has passed its gates. */
export function passAll(turn: Turn, gates: readonly Gate[], id: string): void {
  for (const gate of gates) takePermit(turn, gate, id)
}

/** A message that was just stored, or is to be retried now, comes to its gates; the one for which it was dropped. */
export function enterGates(turn: Turn, id: string): string | undefined {
  const row = turn.sql.get<GatedRow>(byId, id)
  const passes = row === undefined ? false : pass(turn, row)
  return typeof passes === 'object' ? passes.dropped : undefined
}

/**
 * Takes a message as far as it comes. Whether it has passed all of its gates, and is ready at its place; or
 * the gate for which it was dropped: then it is ready too, as cancelled.
 */
function pass(turn: Turn, row: GatedRow): boolean | { readonly dropped: string } {
  const { sql, now, news } = turn
  const { seq, id, passed } = row
  const list = fromText(row.gates)
  let at = passed
  for (let gate = list[at]; gate !== undefined; gate = list[at]) {
    const { held = 0, cap = null } =
      sql.get<{ held: number; cap: number | null }>(gateRow, gate.key) ?? {}
    const limit = cap ?? gate.limit
    if (held >= limit) {
      if (gate.full === 'drop') {
        sql.run(dropMessage, droppedReason(gate.key), now, at, seq)
        news.work = true
        return { dropped: gate.key }
      }
      if (gate.full === 'cancel') makePlace(turn, { key: gate.key, limit }, id)
      standInLine(turn, { ...row, passed: at }, gate)
      return false
    }
    takePermit(turn, gate, id)
    at++
  }
  sql.run(ready, now, at, seq)
  news.work = true
  return true
}

function takePermit({ sql }: Turn, { key, full }: Gate, id: string): void {
  sql.run(hold, key)
  if (full === 'cancel') sql.run(addHolder, key, id)
}

function standInLine({ sql }: Turn, { seq, priority, passed }: GatedRow, gate: Gate): void {
  const { key, keep = false, full } = gate
  sql.run(park, passed, seq)
  // Where the oldest is cancelled, as they come.
  const byPlace = full !== 'cancel' && (keep || passed === 0)
  sql.run(enqueue, key, isKept(gate) ? 0 : 9 - priority, byPlace ? seq : null, key, seq)
}

/** Cancels the oldest, until no more are left than may pass with the one that comes. */
function makePlace(
  turn: Turn,
  { key, limit }: { readonly key: string; readonly limit: number },
  by: string,
): void {
  const { sql } = turn
  while ((sql.get<{ rivals: number }>(countRivals, key, key)?.rivals ?? 0) >= limit) {
    const oldest = sql.get<{ id: string | null }>(oldestRival, key, key)?.id ?? null
    if (oldest === null) return
    sql.run(dropHolder, oldest, key)
    supersede(turn, oldest, supersededReason(key, by))
  }
}

/** Gives back what has been passed, but for the first `kept`; the next ones pass. */
function give(turn: Turn, gates: readonly Gate[], { id, passed, kept }: Held): void {
  // The last first: who waited there goes before those who only now come to it.
  for (const { key, full } of gates.slice(kept, passed).reverse()) {
    turn.sql.run(free, 1, key)
    if (full === 'cancel') turn.sql.run(dropHolder, id, key)
    wake(turn, key)
  }
}

interface Held {
  readonly id: string
  readonly passed: number
  readonly kept: number
}

function wake(turn: Turn, key: string): void {
  const { sql } = turn
  for (;;) {
    const row = sql.get<GatedRow>(firstInLine, key)
    if (row === undefined) break
    const { held = 0, cap = null } =
      sql.get<{ held: number; cap: number | null }>(gateRow, key) ?? {}
    const gate = fromText(row.gates)[row.passed] ?? { key, limit: 1 }
    if (held >= (cap ?? gate.limit)) break
    sql.run(leaveLine, row.seq)
    takePermit(turn, gate, row.id)
    const passed = row.passed + 1
    sql.run(setPassed, passed, row.seq)
    if (pass(turn, { ...row, passed }) === true) toTheEnd(turn, row.seq)
  }
  sql.run(forget, key)
}

/** It comes in behind all others, so that those who wait at gates do not overtake those who do not. */
function toTheEnd({ sql }: Turn, seq: number): void {
  const last = sql.get<{ seq: number }>(lastSeq)?.seq ?? seq
  if (last === seq) return
  sql.run(moveRow, last + 1, seq)
  sql.run(movePayload, last + 1, seq)
}

/** A message waits for its retry, whose row is written already. */
export function retryGates(
  turn: Turn,
  { seq, id, gates, passed }: Omit<GatedRow, 'priority'>,
  at: number,
): void {
  const list = fromText(gates)
  const kept = Math.min(passed, list.filter(isKept).length)
  turn.sql.run(
    `UPDATE tw_message SET state = ${state.gated}, at = ?, passed = ?, token = ${waitingToken.retried} WHERE seq = ?`,
    at,
    kept,
    seq,
  )
  give(turn, list, { id, passed, kept })
  if (at <= turn.now) enterGates(turn, id)
}

/** Takes those whose time has come to their gates; whether there were any. */
export function moveGated(turn: Turn, queue: number, until: number): boolean {
  const rows = turn.sql.all<GatedRow>(due, queue, Math.min(until, never - 1))
  for (const row of rows) pass(turn, row)
  return rows.length > 0
}

/** A message that stands in a line is taken out of it, to be held. */
export function leaveGateLine({ sql }: Turn, seq: number): void {
  sql.run(leaveLine, seq)
}

/** Gives back what the messages held that were deleted in this transaction: gate by gate, not message by message. */
export function giveUngated(turn: Turn): void {
  const { sql } = turn
  const rows = sql.all<Omit<GatedRow, 'priority'>>(ungated)
  if (rows.length === 0) return
  sql.run('DELETE FROM tw_ungated')
  const lists = new Map<string, readonly Gate[]>()
  const freed = new Map<string, { count: number; depth: number }>()
  for (const { seq, id, gates, passed } of rows) {
    const list = lists.get(gates) ?? fromText(gates)
    lists.set(gates, list)
    if (passed < list.length) sql.run(leaveLine, seq)
    for (const [depth, { key, full }] of list.slice(0, passed).entries()) {
      const of = freed.get(key) ?? { count: 0, depth }
      freed.set(key, { count: of.count + 1, depth: Math.max(of.depth, depth) })
      if (full === 'cancel') sql.run(dropHolder, id, key)
    }
  }
  for (const [key, { count }] of freed) sql.run(free, count, key)
  // The last first, as when each is given back by itself.
  for (const [key] of [...freed].sort(([, a], [, b]) => b.depth - a.depth)) wake(turn, key)
}

/** Sets limits in place of those that messages bring along. */
export function configureGates(turn: Turn, limits: Readonly<Record<string, number | null>>): null {
  for (const [key, limit] of Object.entries(limits)) {
    turn.sql.run(setCap, key, limit)
    wake(turn, key)
  }
  return null
}
