import type { NodeView } from '../../core/workflow-store.ts'
import type { WorkflowGraph, WorkflowNodeInfo } from './workflow-handle.ts'

/** The graph of a run, and its drawing. */
export function graphOf(
  views: readonly NodeView[],
  infos: readonly WorkflowNodeInfo[],
): WorkflowGraph {
  const nodes = infos.map((info, i) => ({ ...info, gate: views[i]?.gate ?? undefined }))
  const edges = views.flatMap(({ ord, sources, parent }) => {
    const before = sources.map((from) => ({ from, to: ord }))
    // What an expanded node brought hangs on that node.
    return sources.length === 0 && parent !== null ? [{ from: parent, to: ord }] : before
  })
  return { nodes, edges, toMermaid: () => mermaid(nodes, edges) }
}

function mermaid(nodes: WorkflowGraph['nodes'], edges: WorkflowGraph['edges']): string {
  const lines = nodes.map(({ ord, kind, name, status }) => {
    const text = `"${name.replaceAll('"', "'")}<br/>${status}"`
    if (kind === 'task') return `  n${ord}[${text}]:::${status}`
    return kind === 'gate' ? `  n${ord}{${text}}:::${status}` : `  n${ord}((${text})):::${status}`
  })
  const arrows = edges.map(({ from, to }) => `  n${from} --> n${to}`)
  return [
    'flowchart LR',
    ...lines,
    ...arrows,
    '  classDef succeeded fill:#d7f5dd,stroke:#2b8a3e',
    '  classDef failed fill:#ffe0e0,stroke:#c92a2a',
    '  classDef dead fill:#ffe0e0,stroke:#c92a2a',
    '  classDef running fill:#dbe9ff,stroke:#1864ab',
    '  classDef skipped stroke-dasharray: 4',
    '',
  ].join('\n')
}
