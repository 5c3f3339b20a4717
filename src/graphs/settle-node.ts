import type { Body } from '../core/message.ts'
import type { Settlement } from '../core/settlement.ts'
import { apply, isRefused } from './run-step.ts'
import type { GraphRows } from './run-rows.ts'

/** What the node part of a settlement comes to. */
export type NodeFate = 'none' | 'refused' | 'ignored' | 'applies'

/** Looks at the node part of a settlement, before anything of it is written. */
export function nodeFate(rows: GraphRows, { node, outcome }: Settlement): NodeFate {
  if (node === undefined) return 'none'
  if (!isRefused(rows, node)) return 'applies'
  return node.guessed === true || outcome.kind === 'cancelled' ? 'ignored' : 'refused'
}

/** Applies the node part of a settlement whose fate that is. Whether something is left to do in the run. */
export function applyNode(rows: GraphRows, { node, result }: Settlement, now: number): boolean {
  if (node === undefined) return false
  const value: Body | undefined =
    node.graft === undefined ? (node.value ?? result?.body) : undefined
  return apply(rows, node, { value, now })
}
