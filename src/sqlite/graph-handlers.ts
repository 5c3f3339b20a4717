import type { ControlStatus, RunCommand, RunPage, RunView } from '../core/workflow-store.ts'
import { nodeViews } from '../graphs/node-view.ts'
import { startOf, valueOf, valuesOf } from '../graphs/node-value.ts'
import {
  cancelRun,
  deadlineReason,
  put,
  reserve,
  resumeRun,
  seal,
  viewOf,
} from '../graphs/run-control.ts'
import { pump } from '../graphs/run-step.ts'
import type { GraphRows } from '../graphs/run-rows.ts'
import type { GraphOperations } from './graph-operations.ts'
import { graphsOf } from './graphs-of-turn.ts'
import { runOf, runRow, type RunRow } from './sqlite-graphs.ts'
import type { Turn } from './turn.ts'

type Handlers = {
  [K in keyof GraphOperations]: (
    turn: Turn,
    ask: GraphOperations[K]['ask'],
  ) => GraphOperations[K]['answer']
}

/** Does them. */
export const graphHandlers: Handlers = {
  wfReserve: (turn, { run, count }) =>
    graphsOf(turn).run(run) === undefined ? null : reserve(graphsOf(turn), run, count),
  wfPut(turn, { run, nodes }) {
    put(graphsOf(turn), run, { nodes, now: turn.now })
    return null
  },
  wfSeal(turn, { run, head, last }) {
    const graphs = graphsOf(turn)
    if (last.length > 0) put(graphs, run, { nodes: last, now: turn.now })
    if (graphs.run(run) === undefined) return null
    return told(turn, run, seal(graphs, run, { head, now: turn.now }))
  },
  wfPump: (turn, run) => pump(graphsOf(turn), run, turn.now),
  wfCheck: (turn, places) => places.map((place) => startOf(graphsOf(turn), place)),
  wfControl: (turn, { run, command }) =>
    told(turn, run, control(graphsOf(turn), run, { command, now: turn.now })),
  wfRead(turn, run) {
    const found = graphsOf(turn).run(run)
    return found === undefined ? null : viewOf(found)
  },
  wfNodes: (turn, { run, ...page }) => nodeViews(graphsOf(turn), run, page),
  wfValue: (turn, { run, ord }) => valueOf(graphsOf(turn), run, ord),
  wfValues: (turn, { run, ...page }) => valuesOf(graphsOf(turn), run, page),
  wfList: list,
  wfSweep: sweep,
}

function control(
  graphs: GraphRows,
  run: string,
  { command, now }: { command: RunCommand; now: number },
): { status: ControlStatus; more: boolean } {
  return command.kind === 'cancel'
    ? cancelRun(graphs, run, { reason: command.reason, now })
    : resumeRun(graphs, run, { expected: command.expected, now })
}

function told<S>({ news }: Turn, run: string, step: { status: S; more: boolean }): S {
  if (step.more) news.unfinished.push(run)
  return step.status
}

const selectRuns = `SELECT ${runRow} FROM tw_run
 WHERE no < coalesce((SELECT no FROM tw_run WHERE id = ?), 9e15) AND coalesce(state = ?, TRUE)
 ORDER BY no DESC LIMIT ?`

function list({ sql }: Turn, { limit, after, state }: RunPage): RunView[] {
  return sql
    .all<RunRow>(selectRuns, after ?? null, state ?? null, limit)
    .map((row) => viewOf(runOf(row)))
}

/** So many nodes of expired runs are deleted in one sweep. */
const deletedNodes = 500
const selectLate = 'SELECT id FROM tw_run WHERE deadline <= ? ORDER BY deadline LIMIT ?'
const selectExpired =
  'SELECT no FROM tw_run WHERE expires <= ? AND todo IS NULL ORDER BY expires LIMIT ?'
const selectLeft = 'SELECT id FROM tw_run WHERE todo IS NOT NULL ORDER BY no LIMIT ?'
const someNodes = `SELECT ord FROM tw_node WHERE run = ? ORDER BY ord LIMIT ${deletedNodes}`

function sweep(turn: Turn, limit: number): string[] {
  const { sql, now } = turn
  for (const { id } of sql.all<{ id: string }>(selectLate, now, limit))
    cancelRun(graphsOf(turn), id, { reason: deadlineReason, now })
  let left = deletedNodes
  for (const { no } of sql.all<{ no: number }>(selectExpired, now, limit)) {
    if (left <= 0) break
    left -= 1 + deleteNodes(turn, no)
  }
  return sql.all<{ id: string }>(selectLeft, limit).map(({ id }) => id)
}

/** Deletes some nodes of a run, and with the last of them the run; how many. */
function deleteNodes({ sql }: Turn, run: number): number {
  const ords = sql.all<{ ord: number }>(someNodes, run)
  for (const { ord } of ords) {
    sql.run('DELETE FROM tw_edge WHERE run = ? AND src = ?', run, ord)
    sql.run('DELETE FROM tw_step WHERE run = ? AND ord = ?', run, ord)
    sql.run('DELETE FROM tw_value WHERE run = ? AND ord = ?', run, ord)
    sql.run('DELETE FROM tw_node WHERE run = ? AND ord = ?', run, ord)
  }
  if (ords.length < deletedNodes) {
    sql.run('DELETE FROM tw_extent WHERE run = ?', run)
    sql.run('DELETE FROM tw_run WHERE no = ?', run)
  }
  return ords.length
}
