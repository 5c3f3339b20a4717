import { isTaskwrightError } from '../../core/errors.ts'
import type { Body } from '../../core/message.ts'
import { nodeId } from '../../core/node-id.ts'
import type { ResultRecord } from '../../core/result.ts'
import type { TaskStatus } from '../../core/states.ts'
import type { NodeView, RunView } from '../../core/workflow-store.ts'
import { failedRunsOf } from '../failed-runs.ts'
import type { BrokerRuntime } from '../runtime.ts'
import type { WorkflowNodeInfo, WorkflowNodeStatus } from './workflow-handle.ts'
import { workflowsOf } from './write-graph.ts'

const pageSize = 200

/** All live nodes of a run. */
export async function allNodes(runtime: BrokerRuntime, run: string): Promise<NodeView[]> {
  const nodes: NodeView[] = []
  for (let from = 0; ;) {
    const page = await workflowsOf(runtime).nodes(run, { from, limit: pageSize })
    nodes.push(...page)
    const last = page.at(-1)
    if (last === undefined || page.length < pageSize) return nodes
    from = last.ord + 1
  }
}

/** Nodes as a user sees them: where their messages are is asked of the transport. */
export async function nodeInfos(
  runtime: BrokerRuntime,
  view: RunView,
  nodes: readonly NodeView[],
): Promise<WorkflowNodeInfo[]> {
  const out = nodes.filter(({ state }) => state === 'released')
  const ids = out.map(({ ord, gen }) => nodeId({ run: view.run, ord, gen }))
  const found = ids.length === 0 ? [] : await runtime.inspector?.states(ids)
  const states = new Map(out.map(({ ord }, i) => [ord, found?.[i] ?? 'queued']))
  return nodes.map((node) => infoOf(runtime, view, { node, sent: states.get(node.ord) }))
}

function infoOf(
  runtime: BrokerRuntime,
  view: RunView,
  { node, sent }: { node: NodeView; sent: TaskStatus | undefined },
): WorkflowNodeInfo {
  const { ord, kind, gen, body } = node
  const record = body === null ? undefined : decoded(runtime, body)
  const error = record?.error ?? undefined
  const isTask = kind === 'task'
  return {
    ord,
    kind,
    name: isTask ? node.name : (node.gate ?? kind),
    status: statusOf(view, { node, sent, record }),
    taskId: isTask ? nodeId({ run: view.run, ord, gen }) : undefined,
    generation: gen,
    attempt: record === undefined ? undefined : failedRunsOf(record.labels) + 1,
    releasedAt: node.releasedAt === null ? undefined : new Date(node.releasedAt),
    endedAt: node.endedAt === null ? undefined : new Date(node.endedAt),
    executionTime: record?.executionTime,
    error: error && { name: error.name, message: error.message },
    cause: node.cause ?? undefined,
  }
}

function statusOf(
  view: RunView,
  of: { node: NodeView; sent: TaskStatus | undefined; record: ResultRecord | undefined },
): WorkflowNodeStatus {
  const { state } = of.node
  const open = state === 'waiting' || state === 'released' || state === 'expanded'
  // Not one of them is written when a run is cancelled.
  if (open && view.state === 'cancelled') return 'cancelled'
  if (state === 'released') return of.sent ?? 'queued'
  if (state === 'failed') return of.record?.status ?? 'failed'
  return state
}

function decoded(runtime: BrokerRuntime, body: Body): ResultRecord | undefined {
  try {
    return runtime.resultCodec.decodeResult(body)
  } catch (error) {
    if (isTaskwrightError(error)) return undefined
    throw error
  }
}
