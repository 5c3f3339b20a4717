import type { WorkflowNode } from '../core/workflow-store.ts'
import type { NodeRecord } from './run-rows.ts'

/** A node as it is before anything has happened. */
export function nodeRecord(node: WorkflowNode): NodeRecord {
  return {
    ord: node.ord,
    kind: node.kind,
    name: node.name ?? '',
    gate: node.gate ?? null,
    lo: node.lo ?? 0,
    hi: node.hi ?? 0,
    policy: node.policy ?? 'stop',
    side: node.side ?? null,
    under: node.under ?? null,
    takes: node.takes ?? false,
    empty: node.empty ?? false,
    width: node.width ?? node.sources.length,
    state: 'waiting',
    gen: 0,
    pos: 0,
    cause: null,
    idle: false,
    releasedAt: null,
    endedAt: null,
    graft: null,
    parent: null,
  }
}

/** Whether a node will not change any more in this generation. */
export function isTerminal({ state }: NodeRecord): boolean {
  return state === 'succeeded' || state === 'failed' || state === 'skipped' || state === 'idle'
}

/** Whether those behind a node that has ended cannot run. */
export function blocks({ state, policy }: NodeRecord): boolean {
  return state === 'skipped' || (state === 'failed' && policy === 'stop')
}

/** The ordinal to blame for a node that blocks. What a node expanded into is blamed on the node. */
export function causeOf({ ord, state, cause }: NodeRecord): number {
  return state === 'skipped' ? (cause ?? ord) : ord
}
