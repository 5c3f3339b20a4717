import { InvalidInputError } from '../core/errors.ts'
import { mostGenerations } from '../core/node-id.ts'
import type {
  ControlStatus,
  MoreSources,
  RunHead,
  RunView,
  WorkflowNode,
} from '../core/workflow-store.ts'
import { nodeRecord } from './node-record.ts'
import { buildingTime, endRun, pump } from './run-step.ts'
import type { GraphRows, RunRecord } from './run-rows.ts'

/** The most nodes of one run. */
const mostNodes = 1_000_000

/** Why a run is cancelled that is still going at its deadline. */
export const deadlineReason = 'its deadline has passed'

/** Stores nodes that are not there yet; the run with the first of them. */
export function put(
  rows: GraphRows,
  id: string,
  { nodes, now }: { nodes: readonly (WorkflowNode | MoreSources)[]; now: number },
): void {
  const run = rows.run(id) ?? newRun(rows, id, now)
  for (const node of nodes) {
    if ('from' in node) rows.addSources(id, node)
    else if (rows.node(id, node.ord) === undefined) rows.addNode(id, nodeRecord(node), node)
    run.next = Math.max(run.next, node.ord + 1)
  }
  rows.saveRun(run)
}

function newRun(rows: GraphRows, run: string, now: number): RunRecord {
  const record: RunRecord = {
    run,
    state: 'building',
    gen: 0,
    createdAt: now,
    endedAt: null,
    cause: null,
    reason: null,
    next: 0,
    head: null,
    todo: [],
    expires: now + buildingTime,
  }
  rows.addRun(record)
  return record
}

/** Reserves ordinals. @throws InvalidInputError when the run has grown beyond all measure. */
export function reserve(rows: GraphRows, id: string, count: number): number {
  const run = rows.run(id)
  if (run === undefined) throw new InvalidInputError(`there is no workflow ${id} to expand.`)
  const first = run.next
  if (first + count > mostNodes)
    throw new InvalidInputError(`workflow ${id} would have more than ${mostNodes} nodes.`)
  run.next = first + count
  rows.saveRun(run)
  return first
}

/** Starts a run. Whether it was this call, and whether something is left to do. */
export function seal(
  rows: GraphRows,
  id: string,
  { head, now }: { head: RunHead; now: number },
): { status: 'sealed' | 'known'; more: boolean } {
  const run = rows.run(id)
  if (run === undefined) throw new InvalidInputError(`no node of workflow ${id} was put.`)
  if (run.head !== null || run.state !== 'building') return { status: 'known', more: false }
  const hi = head.count - 1
  run.head = head
  run.state = 'running'
  run.expires = null
  run.next = Math.max(run.next, head.count)
  run.todo = [{ kind: 'scan', at: 0, hi, fresh: true }]
  rows.addExtent(id, { lo: 0, hi, parent: null })
  rows.saveRun(run)
  return { status: 'sealed', more: pump(rows, id, now) }
}

/** Cancels a run. Whether something is left to do: those that still run are to be told. */
export function cancelRun(
  rows: GraphRows,
  id: string,
  { reason, now }: { reason: string; now: number },
): { status: ControlStatus; more: boolean } {
  const run = rows.run(id)
  if (run === undefined) return { status: 'unknown', more: false }
  if (run.endedAt !== null) return { status: 'final', more: false }
  run.reason = reason
  endRun(rows, run, { state: 'cancelled', cause: null, now })
  run.todo = rows
    .extents(id)
    .map(({ lo, hi }) => ({ kind: 'drop' as const, at: lo, hi }))
    .reverse()
  rows.saveRun(run)
  return { status: 'ok', more: pump(rows, id, now) }
}

/** Begins the next generation of a run that ended without success. */
export function resumeRun(
  rows: GraphRows,
  id: string,
  { expected, now }: { expected: number; now: number },
): { status: ControlStatus; more: boolean } {
  const run = rows.run(id)
  if (run === undefined) return { status: 'unknown', more: false }
  if (run.gen !== expected) return { status: 'conflict', more: false }
  const { head } = run
  if (head === null || (run.state !== 'failed' && run.state !== 'cancelled'))
    return { status: 'final', more: false }
  if (run.gen >= mostGenerations)
    throw new InvalidInputError(`workflow ${id} was resumed ${mostGenerations} times.`)
  run.gen++
  run.state = 'resuming'
  run.endedAt = null
  run.cause = null
  run.reason = null
  run.expires = null
  run.todo = [{ kind: 'begin' }, { kind: 'reset', at: 0, hi: head.count - 1 }]
  rows.saveRun(run)
  return { status: 'ok', more: pump(rows, id, now) }
}

/** A run as it is seen from outside. */
export function viewOf(run: RunRecord): RunView {
  const { head } = run
  return {
    run: run.run,
    name: head?.name ?? '',
    state: run.state,
    gen: run.gen,
    count: head?.count ?? run.next,
    sink: head?.sink ?? 0,
    end: head?.end ?? 0,
    createdAt: run.createdAt,
    endedAt: run.endedAt,
    cause: run.cause,
    reason: run.reason,
  }
}
