import type { Body, Envelope } from '../core/message.ts'
import type { StoredResult } from '../core/result.ts'
import type { MoreSources, NodeMessage, WorkflowNode } from '../core/workflow-store.ts'
import type { Edge, Extent, GraphRows, NodeRecord, RunRecord } from '../graphs/run-rows.ts'
import { ownBody } from './memory-message.ts'

interface StoredNode {
  readonly record: NodeRecord
  readonly sources: number[]
  readonly message: NodeMessage | undefined
  value: Body | null
  /** Sorted by the node behind. */
  readonly edges: Edge[]
}

interface StoredRun {
  readonly record: RunRecord
  readonly nodes: Map<number, StoredNode>
  /** Edges out of nodes that are not stored yet. */
  readonly early: Map<number, Edge[]>
  extents: Extent[]
}

/** What a graph does in the store beside itself. */
export interface GraphEffects {
  readonly send: (envelope: Envelope) => void
  readonly cancel: (id: string, reason: string) => void
  readonly saveResult: (result: StoredResult) => void
}

/** The graphs of a {@link MemoryStore}. Records are the store's own objects: what is changed is stored. */
export class MemoryGraphs implements GraphRows {
  readonly #runs = new Map<string, StoredRun>()
  readonly #effects: GraphEffects

  constructor(effects: GraphEffects) {
    this.#effects = effects
  }

  /** All runs, oldest first. */
  all(): RunRecord[] {
    return [...this.#runs.values()].map(({ record }) => record)
  }

  /** Deletes a run. */
  delete(run: string): void {
    this.#runs.delete(run)
  }

  run(run: string): RunRecord | undefined {
    return this.#runs.get(run)?.record
  }

  addRun(record: RunRecord): void {
    this.#runs.set(record.run, { record, nodes: new Map(), early: new Map(), extents: [] })
  }

  saveRun(): void {}

  node(run: string, ord: number): NodeRecord | undefined {
    return this.#node(run, ord)?.record
  }

  addNode(run: string, record: NodeRecord, node: WorkflowNode): void {
    const stored = this.#runs.get(run)
    if (stored === undefined) return
    const { message } = node
    const edges = stored.early.get(node.ord) ?? []
    stored.early.delete(node.ord)
    stored.nodes.set(node.ord, {
      record,
      sources: [],
      message: message === undefined ? undefined : { ...message, body: ownBody(message.body) },
      value: null,
      edges,
    })
    this.addSources(run, { ord: node.ord, from: 0, sources: node.sources })
  }

  addSources(run: string, { ord, from, sources }: MoreSources): void {
    const stored = this.#runs.get(run)
    const known = stored?.nodes.get(ord)?.sources
    if (stored === undefined || known === undefined) return
    for (const [i, source] of sources.entries()) {
      if (from + i < known.length) continue
      known.push(source)
      insert(this.#edgesOf(stored, source), { dst: ord, slot: from + i })
    }
  }

  saveNode(): void {}

  edges(run: string, ord: number, page: { after: number; limit: number }): readonly Edge[] {
    const edges = this.#node(run, ord)?.edges ?? []
    const from = place(edges, page.after + 1)
    return edges.slice(from, from + page.limit)
  }

  sources(run: string, ord: number, page: { from: number; limit: number }): readonly number[] {
    return this.#node(run, ord)?.sources.slice(page.from, page.from + page.limit) ?? []
  }

  message(run: string, ord: number): NodeMessage | undefined {
    return this.#node(run, ord)?.message
  }

  value(run: string, ord: number): Body | null {
    const value = this.#node(run, ord)?.value ?? null
    return value === null ? null : ownBody(value)
  }

  saveValue(run: string, ord: number, value: Body | null): void {
    const node = this.#node(run, ord)
    if (node !== undefined) node.value = value === null ? null : ownBody(value)
  }

  extents(run: string): readonly Extent[] {
    return this.#runs.get(run)?.extents ?? []
  }

  extentOf(run: string, parent: number): Extent | undefined {
    return this.extents(run).find((extent) => extent.parent === parent)
  }

  addExtent(run: string, extent: Extent): void {
    const stored = this.#runs.get(run)
    if (stored === undefined) return
    stored.extents.push(extent)
    stored.extents.sort((a, b) => a.lo - b.lo)
  }

  dropExtent(run: string, parent: number): void {
    const stored = this.#runs.get(run)
    if (stored === undefined) return
    stored.extents = stored.extents.filter((extent) => extent.parent !== parent)
  }

  send(envelope: Envelope): void {
    this.#effects.send(envelope)
  }

  cancel(id: string, reason: string): void {
    this.#effects.cancel(id, reason)
  }

  saveResult(result: StoredResult): void {
    this.#effects.saveResult(result)
  }

  #node(run: string, ord: number): StoredNode | undefined {
    return this.#runs.get(run)?.nodes.get(ord)
  }

  #edgesOf({ nodes, early }: StoredRun, ord: number): Edge[] {
    const edges = nodes.get(ord)?.edges ?? early.get(ord)
    if (edges !== undefined) return edges
    const fresh: Edge[] = []
    early.set(ord, fresh)
    return fresh
  }
}

/** The index of the first edge to `dst` or beyond. */
function place(edges: readonly Edge[], dst: number): number {
  let [low, high] = [0, edges.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((edges[middle]?.dst ?? 0) < dst) low = middle + 1
    else high = middle
  }
  return low
}

function insert(edges: Edge[], edge: Edge): void {
  const last = edges.at(-1)
  // Pages come in the order of ordinals, but one may come late.
  if (last === undefined || last.dst < edge.dst) edges.push(edge)
  else edges.splice(place(edges, edge.dst), 0, edge)
}
