import type { RunState } from '../../core/workflow-store.ts'
import type { BrokerRuntime } from '../runtime.ts'
import type { WorkflowSummary } from './workflow-handle.ts'
import { workflowsOf } from './write-graph.ts'

/** Which workflows to list. Pages go by `after`, the id of the last one seen. */
export interface WorkflowPage {
  /** Default 100. */
  limit?: number | undefined
  after?: string | undefined
  state?: RunState | undefined
}

/** Workflows that are kept, newest first. */
export async function listWorkflows(
  runtime: BrokerRuntime,
  { limit = 100, after, state }: WorkflowPage,
): Promise<WorkflowSummary[]> {
  const runs = await workflowsOf(runtime).list({ limit, after, state })
  return runs.map(({ run, name, state: found, gen, createdAt, endedAt }) => ({
    runId: run,
    name,
    state: found,
    generation: gen,
    createdAt: new Date(createdAt),
    endedAt: endedAt === null ? undefined : new Date(endedAt),
  }))
}
