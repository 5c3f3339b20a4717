import type { NodePlace } from '../core/node-id.ts'
import type {
  ControlStatus,
  NodeValue,
  NodeView,
  RunCommand,
  RunHead,
  RunPage,
  RunView,
  StartAnswer,
  MoreSources,
  WorkflowNode,
} from '../core/workflow-store.ts'

/** What can be asked of the workflows of a database. */
export interface GraphOperations {
  /** `null`: there is no such run. */
  wfReserve: { ask: { run: string; count: number }; answer: number | null }
  wfPut: { ask: { run: string; nodes: readonly (WorkflowNode | MoreSources)[] }; answer: null }
  wfSeal: {
    ask: { run: string; head: RunHead; last: readonly (WorkflowNode | MoreSources)[] }
    answer: 'sealed' | 'known' | null
  }
  wfPump: { ask: string; answer: boolean }
  wfCheck: { ask: readonly NodePlace[]; answer: readonly StartAnswer[] }
  wfControl: { ask: { run: string; command: RunCommand }; answer: ControlStatus }
  wfRead: { ask: string; answer: RunView | null }
  wfNodes: {
    ask: { run: string; from: number; limit: number }
    answer: readonly NodeView[]
  }
  wfValue: { ask: { run: string; ord: number }; answer: NodeValue }
  wfValues: {
    ask: { run: string; ord: number; from: number; limit: number }
    answer: readonly NodeValue[]
  }
  wfList: { ask: RunPage; answer: readonly RunView[] }
  wfSweep: { ask: number; answer: readonly string[] }
}
