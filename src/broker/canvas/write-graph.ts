import { UnsupportedError } from '../../core/errors.ts'
import type { Envelope } from '../../core/message.ts'
import { nodeId } from '../../core/node-id.ts'
import type {
  MoreSources,
  NodeMessage,
  WorkflowNode,
  WorkflowStore,
} from '../../core/workflow-store.ts'
import type { BrokerRuntime } from '../runtime.ts'
import type { Outgoing } from '../sender.ts'
import type { DraftNode } from './compile.ts'

/**
 * The most of one page: stores write it in one step, which holds them up. A node may have more sources than a page: they
 * follow it in pieces.
 */
const page = { nodes: 200, sources: 1000, bytes: 256_000 }

/** The workflow store of a broker. @throws UnsupportedError where its transport has none. */
export function workflowsOf({ workflows, transport }: BrokerRuntime): WorkflowStore {
  if (workflows !== undefined) return workflows
  throw new UnsupportedError(
    `transport '${transport.name}' keeps no workflows: use one that does (memory:, sqlite:…).`,
  )
}

type Page = readonly (WorkflowNode | MoreSources)[]

/** Puts the nodes of a graph, page by page, with ordinals from `lo` on. */
export async function writeGraph(
  runtime: BrokerRuntime,
  nodes: readonly DraftNode[],
  place: { run: string; lo: number },
): Promise<void> {
  const last = await writePages(runtime, nodes, place)
  if (last.length > 0) await workflowsOf(runtime).put(place.run, last)
}

/**
 * The same, but for the last page, which it returns: it may be put together with what follows. Middlewares see
 * each message as it is written down; it is sent when its turn comes.
 */
export async function writePages(
  runtime: BrokerRuntime,
  nodes: readonly DraftNode[],
  { run, lo }: { run: string; lo: number },
): Promise<Page> {
  const store = workflowsOf(runtime)
  let waiting: (WorkflowNode | MoreSources)[] = []
  let [edges, bytes] = [0, 0]
  const isFull = ({ sources }: WorkflowNode | MoreSources): boolean =>
    waiting.length >= page.nodes ||
    bytes >= page.bytes ||
    (edges > 0 && edges + sources.length > page.sources)
  const flush = async (): Promise<void> => {
    const full = waiting
    waiting = []
    edges = bytes = 0
    await store.put(run, full)
  }
  const add = (node: WorkflowNode | MoreSources): void => {
    waiting.push(node)
    edges += node.sources.length
    if ('message' in node) bytes += node.message?.body.length ?? 0
  }
  for (const draft of nodes) {
    const { outgoing } = draft
    const ord = draft.ord + lo
    const message =
      outgoing === undefined ? undefined : await write(runtime, outgoing, { run, ord, gen: 0 })
    const { kind, name, policy, takes, empty, gate } = draft
    const sources = draft.sources.map((source) => source + lo)
    const node = {
      ord,
      kind,
      name,
      policy,
      takes,
      empty,
      gate,
      message,
      sources: sources.length > page.sources ? sources.slice(0, page.sources) : sources,
      width: sources.length,
      side: shifted(draft.side, lo),
      under: shifted(draft.under, lo),
      lo: shifted(draft.lo, lo),
      hi: shifted(draft.hi, lo),
    }
    if (isFull(node)) await flush()
    add(node)
    for (let from = page.sources; from < sources.length; from += page.sources) {
      const more = { ord, from, sources: sources.slice(from, from + page.sources) }
      if (isFull(more)) await flush()
      add(more)
    }
  }
  return waiting
}

function shifted(ord: number | undefined, by: number): number | undefined {
  return ord === undefined ? undefined : ord + by
}

async function write(
  runtime: BrokerRuntime,
  { message, route }: Outgoing,
  place: { run: string; ord: number; gen: number },
): Promise<NodeMessage> {
  let envelope: Envelope | undefined
  const outgoing = { message: { ...message, id: nodeId(place) }, route }
  await runtime.sender.sendWithin(outgoing, async (written) => {
    envelope = written
    return 'stored'
  })
  if (envelope === undefined) throw new UnsupportedError('a step of a workflow was not written.')
  const { queue, priority, body, delay, gates } = envelope
  return { queue, priority, body, delay, gates }
}
