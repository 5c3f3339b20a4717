import type { Body, Envelope } from '../core/message.ts'
import type { StoredResult } from '../core/result.ts'
import type { MoreSources, NodeMessage, RunState, WorkflowNode } from '../core/workflow-store.ts'
import type { Edge, Extent, GraphRows, NodeRecord, RunRecord, Todo } from '../graphs/run-rows.ts'
import { headText, readHead } from './head-text.ts'
import { saveNewResults } from './results.ts'
import { state } from './schema.ts'
import { place } from './send.ts'
import { fromText, toText } from './gates.ts'
import { fromStored, toStored } from './stored-body.ts'
import { wholeMs, type Turn } from './turn.ts'

const runColumns = 'no, id, state, gen, created, ended, cause, reason, next, head, todo, expires'
const selectRun = `SELECT ${runColumns} FROM tw_run WHERE id = ?`
const insertRun = `
INSERT INTO tw_run(id, state, gen, created, next, expires) VALUES (?, ?, ?, ?, ?, ?)`
const updateRun = `
UPDATE tw_run SET state = ?, gen = ?, ended = ?, cause = ?, reason = ?, next = ?, head = ?, todo = ?,
       expires = ?, deadline = ? WHERE no = ?`
const selectNode = `
SELECT ord, kind, name, gate, lo, hi, policy, side, under, takes, empty, width, state, gen, pos, cause, idle,
       released, ended, graft, parent FROM tw_node WHERE run = ? AND ord = ?`
const insertNode = `
INSERT INTO tw_node(run, ord, kind, name, gate, lo, hi, policy, side, under, takes, empty, width,
                    state, gen, pos, idle)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'waiting', 0, 0, 0)`
const updateNode = `
UPDATE tw_node SET state = ?, gen = ?, pos = ?, cause = ?, idle = ?, released = ?, ended = ?, graft = ?,
       parent = ? WHERE run = ? AND ord = ?`
const insertEdge = 'INSERT INTO tw_edge(run, src, dst, slot) VALUES (?, ?, ?, ?)'
const selectEdges =
  'SELECT dst, slot FROM tw_edge WHERE run = ? AND src = ? AND dst > ? ORDER BY dst LIMIT ?'
const selectSources =
  'SELECT src FROM tw_edge WHERE run = ? AND dst = ? AND slot >= ? ORDER BY slot LIMIT ?'
const insertStep =
  'INSERT INTO tw_step(run, ord, queue, priority, delay, gates, data) VALUES (?, ?, ?, ?, ?, ?, ?)'
const selectStep =
  'SELECT queue, priority, delay, gates, data FROM tw_step WHERE run = ? AND ord = ?'
const selectValue = 'SELECT data FROM tw_value WHERE run = ? AND ord = ?'
const saveValue = 'INSERT OR REPLACE INTO tw_value(run, ord, data) VALUES (?, ?, ?)'
const deleteValue = 'DELETE FROM tw_value WHERE run = ? AND ord = ?'
const selectExtents = 'SELECT lo, hi, parent FROM tw_extent WHERE run = ? ORDER BY lo'
const selectExtent = 'SELECT lo, hi, parent FROM tw_extent WHERE run = ? AND parent = ?'
const insertExtent = 'INSERT INTO tw_extent(run, lo, hi, parent) VALUES (?, ?, ?, ?)'
const deleteExtent = 'DELETE FROM tw_extent WHERE run = ? AND parent = ?'
/** in: reason, id, now. Only of a holder that may still be alive. */
const flag = `
UPDATE tw_message SET cancelled = coalesce(cancelled, ?)
 WHERE id = ? AND state = ${state.leased} AND at > ?`

/** A row of `tw_run`. */
export interface RunRow {
  readonly no: number
  readonly id: string
  readonly state: string
  readonly gen: number
  readonly created: number
  readonly ended: number | null
  readonly cause: number | null
  readonly reason: string | null
  readonly next: number
  readonly head: string | null
  readonly todo: string | null
  readonly expires: number | null
}

type NodeRow = readonly [
  ord: number,
  kind: NodeRecord['kind'],
  name: string,
  gate: NodeRecord['gate'],
  lo: number,
  hi: number,
  policy: NodeRecord['policy'],
  side: number | null,
  under: number | null,
  takes: number,
  empty: number,
  width: number,
  state: NodeRecord['state'],
  gen: number,
  pos: number,
  cause: number | null,
  idle: number,
  released: number | null,
  ended: number | null,
  graft: number | null,
  parent: number | null,
]

/** A run in the hands of one transaction. */
interface OpenRun {
  readonly no: number
  readonly record: RunRecord
  /** As they were written last. */
  head: string | null
  written: string
}

/** The graphs of a database, for the length of one transaction: runs are read once in it. */
export class SqliteGraphs implements GraphRows {
  readonly #turn: Turn
  readonly #runs = new Map<string, OpenRun>()

  constructor(turn: Turn) {
    this.#turn = turn
  }

  run(run: string): RunRecord | undefined {
    return this.#open(run)?.record
  }

  addRun(record: RunRecord): void {
    const { run, state: now, gen, createdAt, next, expires } = record
    const ms = expires === null ? null : wholeMs(expires)
    this.#turn.sql.run(insertRun, run, now, gen, wholeMs(createdAt), next, ms)
    this.#runs.delete(run)
    const open = this.#open(run)
    // The engine goes on with the record that it gave.
    if (open !== undefined) this.#runs.set(run, { ...open, record })
  }

  saveRun(record: RunRecord): void {
    const open = this.#open(record.run)
    if (open === undefined) return
    const { state: now, gen, endedAt, cause, reason, next, head, todo, expires } = record
    // Written once: it does not change.
    open.head ??= head === null ? null : headText(head)
    const left = todo.length === 0 ? null : JSON.stringify(todo)
    const deadline = endedAt === null ? (head?.deadline ?? null) : null
    const values = [
      now,
      gen,
      endedAt,
      cause,
      reason,
      next,
      open.head,
      left,
      whole(expires),
      whole(deadline),
    ]
    const written = JSON.stringify([...values.slice(0, 6), left, expires, deadline])
    if (written === open.written) return
    open.written = written
    this.#turn.sql.run(updateRun, ...values, open.no)
  }

  node(run: string, ord: number): NodeRecord | undefined {
    const [row] = this.#turn.sql.tuples<NodeRow>(selectNode, this.#no(run), ord)
    return row === undefined ? undefined : nodeOf(row)
  }

  addNode(run: string, record: NodeRecord, node: WorkflowNode): void {
    const { sql } = this.#turn
    const no = this.#no(run)
    const { ord, kind, name, gate, lo, hi, policy, side, under, takes, empty, width } = record
    const flags = [takes ? 1 : 0, empty ? 1 : 0] as const
    sql.run(insertNode, no, ord, kind, name, gate, lo, hi, policy, side, under, ...flags, width)
    this.addSources(run, { ord, from: 0, sources: node.sources })
    if (node.message === undefined) return
    const { queue, priority, delay, gates, body } = node.message
    const limits = gates === undefined ? null : toText(gates)
    sql.run(insertStep, no, ord, queue, priority, whole(delay ?? null), limits, toStored(body))
  }

  addSources(run: string, { ord, from, sources }: MoreSources): void {
    const no = this.#no(run)
    // A piece comes as a whole, so one that has begun is known.
    if (this.sources(run, ord, { from, limit: 1 }).length > 0) return
    for (const [i, source] of sources.entries())
      this.#turn.sql.run(insertEdge, no, source, ord, from + i)
  }

  saveNode(run: string, node: NodeRecord): void {
    const { ord, state: now, gen, pos, cause, idle, releasedAt, endedAt, graft, parent } = node
    const times = [whole(releasedAt), whole(endedAt)] as const
    const changed = [now, gen, pos, cause, idle ? 1 : 0, ...times, graft, parent] as const
    this.#turn.sql.run(updateNode, ...changed, this.#no(run), ord)
  }

  edges(run: string, ord: number, page: { after: number; limit: number }): readonly Edge[] {
    return this.#turn.sql
      .tuples<[number, number]>(selectEdges, this.#no(run), ord, page.after, page.limit)
      .map(([dst, slot]) => ({ dst, slot }))
  }

  sources(run: string, ord: number, page: { from: number; limit: number }): readonly number[] {
    return this.#turn.sql
      .tuples<[number]>(selectSources, this.#no(run), ord, page.from, page.limit)
      .map(([source]) => source)
  }

  message(run: string, ord: number): NodeMessage | undefined {
    const row = this.#turn.sql.get<{
      queue: string
      priority: number
      delay: number | null
      gates: string | null
      data: Body
    }>(selectStep, this.#no(run), ord)
    if (row === undefined) return undefined
    const { queue, priority, delay, data } = row
    const gates = row.gates === null ? undefined : fromText(row.gates)
    return { queue, priority, delay: delay ?? undefined, gates, body: fromStored(data) }
  }

  value(run: string, ord: number): Body | null {
    const row = this.#turn.sql.get<{ data: Body }>(selectValue, this.#no(run), ord)
    return row === undefined ? null : fromStored(row.data)
  }

  saveValue(run: string, ord: number, value: Body | null): void {
    const { sql } = this.#turn
    if (value === null) sql.run(deleteValue, this.#no(run), ord)
    else sql.run(saveValue, this.#no(run), ord, toStored(value))
  }

  extents(run: string): readonly Extent[] {
    return this.#turn.sql.all<Extent>(selectExtents, this.#no(run))
  }

  extentOf(run: string, parent: number): Extent | undefined {
    return this.#turn.sql.get<Extent>(selectExtent, this.#no(run), parent)
  }

  addExtent(run: string, { lo, hi, parent }: Extent): void {
    this.#turn.sql.run(insertExtent, this.#no(run), lo, hi, parent)
  }

  dropExtent(run: string, parent: number): void {
    this.#turn.sql.run(deleteExtent, this.#no(run), parent)
  }

  send(envelope: Envelope): void {
    place(this.#turn, envelope)
  }

  cancel(id: string, reason: string): void {
    const { sql, now, news } = this.#turn
    if (sql.run(flag, reason, id, now) > 0) news.cancels = true
  }

  saveResult(result: StoredResult): void {
    saveNewResults(this.#turn, [result])
  }

  #no(run: string): number {
    // No row has this number: what is asked of an unknown run is not found.
    return this.#open(run)?.no ?? -1
  }

  #open(run: string): OpenRun | undefined {
    const known = this.#runs.get(run)
    if (known !== undefined) return known
    const row = this.#turn.sql.get<RunRow>(selectRun, run)
    if (row === undefined) return undefined
    const open = { no: row.no, record: runOf(row), head: row.head, written: '' }
    this.#runs.set(run, open)
    return open
  }
}

/** A run of its row. */
export function runOf(row: RunRow): RunRecord {
  const { id, gen, created, ended, cause, reason, next, head, todo, expires } = row
  return {
    run: id,
    state: row.state as RunState,
    gen,
    createdAt: created,
    endedAt: ended,
    cause,
    reason,
    next,
    head: head === null ? null : readHead(head),
    todo: todo === null ? [] : (JSON.parse(todo) as Todo[]),
    expires,
  }
}

/** The columns of {@link RunRow}. */
export const runRow: string = runColumns

function nodeOf(row: NodeRow): NodeRecord {
  const [ord, kind, name, gate, lo, hi, policy, side, under, takes, empty, width, now, gen, pos] =
    row
  const [cause, idle, releasedAt, endedAt, graft, parent] = row.slice(15) as [
    number | null,
    number,
    number | null,
    number | null,
    number | null,
    number | null,
  ]
  return {
    ord,
    kind,
    name,
    gate,
    lo,
    hi,
    policy,
    side,
    under,
    takes: takes === 1,
    empty: empty === 1,
    width,
    state: now,
    gen,
    pos,
    cause,
    idle: idle === 1,
    releasedAt,
    endedAt,
    graft,
    parent,
  }
}

function whole(ms: number | null): number | null {
  return ms === null ? null : wholeMs(ms)
}
