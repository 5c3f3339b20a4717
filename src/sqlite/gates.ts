/**
 * Gates: limits over all processes, held by messages.
 *
 * A message with gates is in state 6 until it has passed all of them: with its time in `at` while it is
 * scheduled, and at `never` while it stands in a line. `passed` says how many of its gates it has passed.
 * When its row is deleted, a trigger notes what it held (tw_ungated), and the settle that deleted it gives
 * that to the next in the same transaction: rows without gates pay nothing for it.
 */
import type { Gate } from '../core/gate.ts'
import { state, waitingToken } from './schema.ts'
import type { Turn } from './turn.ts'

/** When a message that stands in a line is due. */
export const never: number = Number.MAX_SAFE_INTEGER
/** The most messages of a queue that one claim takes to their gates. */
const moveLimit = 250

const readGate = 'SELECT held, cap FROM tw_gate WHERE key = ?'
const hold = `
INSERT INTO tw_gate(key, held) VALUES (?, 1) ON CONFLICT(key) DO UPDATE SET held = held + 1`
const free = 'UPDATE tw_gate SET held = held - 1 WHERE key = ?'
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
const ungated = 'SELECT seq, gates, passed FROM tw_ungated'

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
  return JSON.stringify(gates.map(({ key, limit, keep }) => [key, limit, keep === true ? 1 : 0]))
}

/** What {@link toText} wrote. */
export function fromText(text: string): Gate[] {
  const rows = JSON.parse(text) as [key: string, limit: number, keep: number][]
  return rows.map(([key, limit, keep]) => ({ key, limit, keep: keep === 1 }))
}

/** A message that was just stored, or is to be retried now, comes to its gates. */
export function enterGates(turn: Turn, id: string): void {
  const row = turn.sql.get<GatedRow>(byId, id)
  if (row !== undefined) pass(turn, row)
}

/** Takes a message as far as it comes. Whether it has passed all of its gates, and is ready at its place. */
function pass({ sql, now, news }: Turn, { seq, priority, gates, passed }: GatedRow): boolean {
  const list = fromText(gates)
  let at = passed
  for (let gate = list[at]; gate !== undefined; gate = list[at]) {
    const { held = 0, cap = null } =
      sql.get<{ held: number; cap: number | null }>(readGate, gate.key) ?? {}
    if (held >= (cap ?? gate.limit)) {
      const { key, keep = false } = gate
      sql.run(park, at, seq)
      sql.run(enqueue, key, keep ? 0 : 9 - priority, keep || at === 0 ? seq : null, key, seq)
      return false
    }
    sql.run(hold, gate.key)
    at++
  }
  sql.run(ready, now, at, seq)
  news.work = true
  return true
}

/** Gives back what has been passed, but for the first `kept`; the next ones pass. */
function give(turn: Turn, gates: readonly Gate[], { passed, kept }: Held): void {
  // The last first: who waited there goes before those who only now come to it.
  for (const { key } of gates.slice(kept, passed).reverse()) {
    turn.sql.run(free, key)
    wake(turn, key)
  }
}

interface Held {
  readonly passed: number
  readonly kept: number
}

function wake(turn: Turn, key: string): void {
  const { sql } = turn
  for (;;) {
    const row = sql.get<GatedRow>(firstInLine, key)
    if (row === undefined) break
    const { held = 0, cap = null } =
      sql.get<{ held: number; cap: number | null }>(readGate, key) ?? {}
    const limit = cap ?? fromText(row.gates)[row.passed]?.limit ?? 1
    if (held >= limit) break
    sql.run(leaveLine, row.seq)
    sql.run(hold, key)
    const passed = row.passed + 1
    sql.run(setPassed, passed, row.seq)
    if (pass(turn, { ...row, passed })) toTheEnd(turn, row.seq)
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
  const kept = Math.min(passed, list.filter(({ keep }) => keep === true).length)
  turn.sql.run(
    `UPDATE tw_message SET state = ${state.gated}, at = ?, passed = ?, token = ${waitingToken.retried} WHERE seq = ?`,
    at,
    kept,
    seq,
  )
  give(turn, list, { passed, kept })
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

/** Gives back what the messages held that were deleted in this transaction. */
export function giveUngated(turn: Turn): void {
  const { sql } = turn
  const rows = sql.all<{ seq: number; gates: string; passed: number }>(ungated)
  if (rows.length === 0) return
  sql.run('DELETE FROM tw_ungated')
  for (const { seq, gates, passed } of rows) {
    sql.run(leaveLine, seq)
    give(turn, fromText(gates), { passed, kept: 0 })
  }
}

/** Sets limits in place of those that messages bring along. */
export function configureGates(turn: Turn, limits: Readonly<Record<string, number | null>>): null {
  for (const [key, limit] of Object.entries(limits)) {
    turn.sql.run(setCap, key, limit)
    wake(turn, key)
  }
  return null
}
