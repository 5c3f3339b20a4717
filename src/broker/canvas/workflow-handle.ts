import type { GateKind, RunState, WorkflowNode } from '../../core/workflow-store.ts'
import type { TaskStatus } from '../../core/states.ts'
import type { TaskHandle } from '../task-handle.ts'

/**
 * Where a step is: `waiting` for others; as a message (`scheduled`, `queued`, `running`, `retrying`);
 * `expanded` into other steps; ended; `skipped` because of another's failure; `idle`: a side step
 * that was not needed.
 */
export type WorkflowNodeStatus = TaskStatus | 'waiting' | 'expanded' | 'skipped' | 'idle'

/** One node of a run. */
export interface WorkflowNodeInfo {
  readonly ord: number
  readonly kind: WorkflowNode['kind']
  /** The name of its task; of other nodes what they are. */
  readonly name: string
  readonly status: WorkflowNodeStatus
  /** The id of its message; `undefined` for nodes that send none. */
  readonly taskId: string | undefined
  /** The generation that it last ran in. */
  readonly generation: number
  /** Runs of its handler, as far as its result tells. */
  readonly attempt: number | undefined
  readonly releasedAt: Date | undefined
  readonly endedAt: Date | undefined
  /** Seconds that its handler ran, the last attempt only. */
  readonly executionTime: number | undefined
  readonly error: { readonly name: string; readonly message: string } | undefined
  /** The node because of which it was skipped. */
  readonly cause: number | undefined
}

/** The nodes of a run and the edges between them. */
export interface WorkflowGraph {
  readonly nodes: readonly (WorkflowNodeInfo & { readonly gate: GateKind | undefined })[]
  readonly edges: readonly { readonly from: number; readonly to: number }[]
  /** The drawing, as a Mermaid flowchart. */
  toMermaid(): string
}

/** A run, in short. */
export interface WorkflowSummary {
  readonly runId: string
  readonly name: string
  readonly state: RunState
  readonly generation: number
  readonly createdAt: Date
  readonly endedAt: Date | undefined
}

/** A workflow that was sent. Any process can make one with `broker.workflow(runId)`. */
export interface WorkflowHandle<out R> extends TaskHandle<R> {
  readonly runId: string
  /** `running`, or how it ended; `null` when it is not kept (any more). */
  status(): Promise<'running' | 'succeeded' | 'failed' | 'cancelled' | null>
  /** Its nodes, in the order of their ordinals. */
  nodes(): Promise<readonly WorkflowNodeInfo[]>
  /** Nodes and edges. */
  graph(): Promise<WorkflowGraph>
  /**
   * Cancels the run: one write. No step starts after this has resolved, running ones are aborted and
   * what they return is refused; no `onFailure` runs. False when it had ended.
   */
  cancel(reason?: string): Promise<boolean>
  /**
   * Runs what failed, and what was waiting for it, as a new generation; what succeeded, and what was
   * allowed to fail, stays.
   *
   * @throws InvalidInputError while the run is going, when it succeeded, or when it is not kept any more.
   */
  resume(): Promise<void>
}
