import type { Body, Envelope } from '../core/message.ts'
import type { StoredResult } from '../core/result.ts'
import type {
  GateKind,
  NodeMessage,
  NodePolicy,
  NodeState,
  RunHead,
  RunState,
  MoreSources,
  WorkflowNode,
} from '../core/workflow-store.ts'

/**
 * Something left to do in a run. The last of a run's list is done first, so the list stays as short as
 * the graph is deep.
 *
 * - `mark`: a node has ended; those behind it whose ordinal is above `from` are to be told.
 * - `walk`: a join's sources are still being walked over.
 * - `scan`: nodes from `at` to `hi` are to be looked at: those without a source (`fresh`), or all.
 * - `reset`: nodes from `at` to `hi` are to be put back for the next generation.
 * - `prune`: nodes from `at` to `hi` are live no more; what runs in their place is to go with them.
 * - `begin`: all have been put back, and the next generation begins.
 * - `cut`: nodes from `at` to `hi` are to be stopped because of `cause`.
 * - `drop`: the released ones from `at` to `hi` are to be told that their run was cancelled.
 */
export type Todo =
  | { readonly kind: 'mark'; readonly ord: number; readonly from: number }
  | { readonly kind: 'walk'; readonly ord: number }
  | { readonly kind: 'scan'; readonly at: number; readonly hi: number; readonly fresh: boolean }
  | { readonly kind: 'reset'; readonly at: number; readonly hi: number }
  | { readonly kind: 'prune'; readonly at: number; readonly hi: number }
  | { readonly kind: 'begin' }
  | { readonly kind: 'cut'; readonly at: number; readonly hi: number; readonly cause: number }
  | { readonly kind: 'drop'; readonly at: number; readonly hi: number }

/** What changes in a run. */
export interface RunRecord {
  readonly run: string
  state: RunState
  gen: number
  readonly createdAt: number
  endedAt: number | null
  cause: number | null
  reason: string | null
  /** The next ordinal that nobody has. */
  next: number
  /** `null` until it is sealed. */
  head: RunHead | null
  todo: Todo[]
  /** Milliseconds since 1970 after which it may be deleted; `null` while it is going. */
  expires: number | null
}

/** A node: what it is, and what changes in it. */
export interface NodeRecord {
  readonly ord: number
  readonly kind: WorkflowNode['kind']
  readonly name: string
  readonly gate: GateKind | null
  readonly lo: number
  readonly hi: number
  readonly policy: NodePolicy
  readonly side: number | null
  readonly under: number | null
  readonly takes: boolean
  readonly empty: boolean
  /** How many sources it has. */
  readonly width: number
  state: NodeState
  gen: number
  /** So many of its sources are known to have ended: how far the walk over them has come. */
  pos: number
  /** The first blocking cause among those, or why it failed itself. */
  cause: number | null
  /** One of those was a side step that was not needed. */
  idle: boolean
  releasedAt: number | null
  endedAt: number | null
  /** Of an expanded node: the sink of what runs in its place. */
  graft: number | null
  /** Of the end of an expansion: the node in whose place it ran. */
  parent: number | null
}

/** A part of a run that is live: the graph that was sent, or what an expanded node brought. */
export interface Extent {
  readonly lo: number
  readonly hi: number
  /** The node in whose place it runs; `null` for the graph that was sent. */
  readonly parent: number | null
}

/** An edge: the node behind, and as its how-manieth source. */
export interface Edge {
  readonly dst: number
  readonly slot: number
}

/**
 * The rows of all runs in a store that can do many things in one synchronous, atomic step. What is read
 * may be changed; it is written by `saveRun` and `saveNode`.
 */
export interface GraphRows {
  run(run: string): RunRecord | undefined
  addRun(run: RunRecord): void
  saveRun(run: RunRecord): void
  node(run: string, ord: number): NodeRecord | undefined
  addNode(run: string, record: NodeRecord, node: WorkflowNode): void
  /** Adds sources of a stored node; those that it has stay as they are. */
  addSources(run: string, more: MoreSources): void
  saveNode(run: string, node: NodeRecord): void
  /** The edges out of a node to ordinals above `after`, lowest first. */
  edges(run: string, ord: number, page: { after: number; limit: number }): readonly Edge[]
  /** The sources of a node, in order. */
  sources(run: string, ord: number, page: { from: number; limit: number }): readonly number[]
  message(run: string, ord: number): NodeMessage | undefined
  value(run: string, ord: number): Body | null
  saveValue(run: string, ord: number, value: Body | null): void
  /** The live parts of a run, in the order of their ordinals. */
  extents(run: string): readonly Extent[]
  extentOf(run: string, parent: number): Extent | undefined
  addExtent(run: string, extent: Extent): void
  dropExtent(run: string, parent: number): void
  /** Stores a message unless its id is known. */
  send(envelope: Envelope): void
  /** Flags the message of this id, if it runs, as cancelled. */
  cancel(id: string, reason: string): void
  saveResult(result: StoredResult): void
}
