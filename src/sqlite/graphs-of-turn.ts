import { SqliteGraphs } from './sqlite-graphs.ts'
import type { Turn } from './turn.ts'

const open = new WeakMap<Turn, SqliteGraphs>()

/** The graphs as one transaction has them. */
export function graphsOf(turn: Turn): SqliteGraphs {
  let graphs = open.get(turn)
  if (graphs === undefined) open.set(turn, (graphs = new SqliteGraphs(turn)))
  return graphs
}

/** What was read of graphs holds no more: the transaction was rolled back, or has ended. */
export function forgetGraphs(turn: Turn): void {
  open.delete(turn)
}
