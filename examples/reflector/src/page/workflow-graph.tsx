import type { JSX } from 'preact'
import type { RunNode, Transcript, Work } from './api.ts'
import { box, draw, gap } from './graph-layout.ts'

const legend = ['waiting', 'running', 'retrying', 'succeeded', 'failed'] as const

/** The steps of a transcript's work; each lights up as it runs. */
export function WorkflowGraph(props: { work: Work; transcript: Transcript }): JSX.Element {
  const drawing = draw(withFirst(props.work, props.transcript))
  const view = `-4 -4 ${drawing.width + 8} ${drawing.height + 20}`
  return (
    <>
      <p class="hint">
        Each box is a task that one of the workers runs when the boxes above it have ended.
      </p>
      <ul class="legend">
        {legend.map((status) => (
          <li key={status} class={`node ${status}`}>
            <svg width="12" height="12">
              <rect x="1" y="1" width="10" height="10" rx="3" />
            </svg>{' '}
            {status}
          </li>
        ))}
      </ul>
      <svg class="graph" viewBox={view} width={drawing.width + 8} role="img" aria-label="workflow">
        {drawing.edges.map(({ from, to }) => {
          const [x1, y1] = [from.x + box.width / 2, from.y + box.height]
          const [x2, y2] = [to.x + box.width / 2, to.y]
          // Straight down beside what is between them, and over to the other lane at the end.
          const turn = y2 - gap.y
          const half = gap.y / 2
          const path = `M${x1} ${y1} L${x1} ${turn} C${x1} ${turn + half} ${x2} ${y2 - half} ${x2} ${y2}`
          return <path key={`${from.ord}-${to.ord}`} class="edge" d={path} />
        })}
        {drawing.nodes.map((node) => (
          <g
            key={node.ord}
            class={`node ${node.status}`}
            transform={`translate(${node.x} ${node.y})`}
          >
            <title>
              {[node.name, node.status, node.error?.message].filter(Boolean).join(': ')}
            </title>
            <rect width={box.width} height={box.height} rx="8" />
            <text x={box.width / 2} y={box.height / 2 + 4}>
              {node.label}
            </text>
            <text class="took" x={box.width - 4} y={box.height + 11}>
              {tookOf(node)}
            </text>
          </g>
        ))}
      </svg>
    </>
  )
}

/** How long it ran, and which run it was where it was not the first. */
function tookOf({ executionTime, attempt = 1, status }: RunNode): string {
  const again = attempt > 1 ? `attempt ${attempt}` : ''
  if (executionTime === undefined) return status === 'retrying' ? 'is tried again' : again
  const text =
    executionTime < 0.1 ? `${Math.round(executionTime * 1000)} ms` : `${executionTime.toFixed(1)} s`
  return [again, text].filter(Boolean).join(', ')
}

/** What comes before the workflow: the task that processes a file, or the recording itself. */
function withFirst(
  { task, nodes, edges }: Work,
  transcript: Transcript,
): Pick<Work, 'nodes' | 'edges'> {
  const live = transcript.source_kind === 'live'
  if (!live && task === null) return { nodes, edges }
  const status = live ? liveStatus(transcript.status) : (task ?? 'waiting')
  const name = live ? 'live recording' : 'task_pipeline_file_process'
  const first = { ord: -1, kind: 'task', name, status }
  const roots = nodes.filter(
    ({ ord, kind }) => kind === 'task' && edges.every(({ to }) => to !== ord),
  )
  return {
    nodes: [first, ...nodes],
    edges: [...roots.map(({ ord }) => ({ from: -1, to: ord })), ...edges],
  }
}

const liveStatus = (status: string): string =>
  ({ idle: 'waiting', recording: 'running' })[status] ?? 'succeeded'
