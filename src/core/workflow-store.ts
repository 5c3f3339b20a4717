import type { Body, Envelope } from './message.ts'
import type { NodePlace } from './node-id.ts'

/**
 * What the failure of a node means to those behind it: `stop` blocks them, `continue` hands the error
 * on as data, `allow` hands on `null`.
 */
export type NodePolicy = 'stop' | 'continue' | 'allow'

/**
 * When a gate opens. `success`, `error`: its source ended so itself (an allowed failure is an error).
 * `failure`: its source is blocked by a node between `lo` and `hi`. `continue`, `allow`: its source is
 * not blocked, or by such a node, and then it hands on what its policy says; a failure from outside
 * blocks it too.
 */
export type GateKind = 'success' | 'error' | 'failure' | 'continue' | 'allow'

/**
 * One node of a flat graph. Every node waits for all of its sources, and is decided when the last of
 * them is.
 *
 * - `task`: a message is sent. At most one source.
 * - `join`: its value is the list of its sources' values. With `empty` the list is empty and its source
 *   only says when.
 * - `gate`: lets side steps, or a failure, through. One source.
 * - `end`: the last one of a graph. Its sources are the sink and the ends of side steps.
 */
export interface WorkflowNode {
  readonly ord: number
  readonly kind: 'task' | 'join' | 'gate' | 'end'
  /** Ordinals whose end this node waits for, in the order of its inputs. */
  readonly sources: readonly number[]
  /** How many sources it has, where that is more than are named here: the others follow. See {@link MoreSources}. */
  readonly width?: number | undefined
  readonly empty?: boolean | undefined
  readonly gate?: GateKind | undefined
  /** The ordinals of the canvas that a `failure`, `continue` or `allow` gate watches. */
  readonly lo?: number | undefined
  readonly hi?: number | undefined
  /** Default `stop`. */
  readonly policy?: NodePolicy | undefined
  /** The gate through which this node is a side step. */
  readonly side?: number | undefined
  /** The innermost `continue` or `allow` gate of a canvas that this node stands in. */
  readonly under?: number | undefined
  /** The value of its source is an argument of the task. */
  readonly takes?: boolean | undefined
  /** For people: the name of the task. */
  readonly name?: string | undefined
  /** The message of a task, without its id: that is made of run, ordinal and generation. */
  readonly message?: NodeMessage | undefined
}

/** The next sources of a node that has too many for one call. They follow its node in order, each piece after the last. */
export interface MoreSources {
  readonly ord: number
  /** The place of the first of these among its sources. */
  readonly from: number
  readonly sources: readonly number[]
}

/** The message of a task node. Its body carries the id of generation 0; the id that counts is the envelope's. */
export type NodeMessage = Pick<Envelope, 'queue' | 'priority' | 'body' | 'delay' | 'gates'>

/** What is said of a run when its graph is complete. */
export interface RunHead {
  /** For people. */
  readonly name: string
  /** How many nodes were put; their ordinals begin at 0. */
  readonly count: number
  readonly sink: number
  readonly end: number
  /** Ordinals within which the first failure that is not allowed stops all the rest. */
  readonly failFast: readonly { readonly lo: number; readonly hi: number }[]
  /** Bodies of the results that the store writes itself: of the end, and of steps that are skipped. */
  readonly results: {
    readonly succeeded: Body
    readonly failed: Body
    readonly cancelled: Body
    readonly skipped: Body
  }
  /** Milliseconds for which results are kept. */
  readonly resultTtl: number
  /** Milliseconds for which the run is kept after it succeeded, and after it failed or was cancelled. */
  readonly keep: { readonly succeeded: number; readonly failed: number }
  /** Milliseconds since 1970 at which it is cancelled if it is still going. */
  readonly deadline?: number | undefined
}

/** `building`: being sent. `resuming`: the next generation is being prepared. */
export type RunState = 'building' | 'running' | 'resuming' | 'succeeded' | 'failed' | 'cancelled'

/** Whether a run of this state was started and has not ended. */
export function isGoing(state: RunState | undefined): boolean {
  return state === 'running' || state === 'resuming'
}

/** `idle`: a side step that was not needed. `expanded`: other steps run in its place. */
export type NodeState =
  | 'waiting'
  | 'released'
  | 'expanded'
  | 'succeeded'
  | 'failed'
  | 'skipped'
  | 'idle'

/**
 * The value of a node as stores hand it out: the result body of a task, `null` (an allowed failure), the
 * list of a join, a long list by its ordinal (to be read by {@link WorkflowStore.values}), or a
 * failure with the body that says which.
 */
export type NodeValue =
  | Body
  | null
  | readonly NodeValue[]
  | { readonly list: number; readonly size: number }
  | {
      readonly failed: number
      readonly gen: number
      readonly name: string
      readonly body: Body | null
    }

/** That the message of a node may run, and with what. */
export interface StepStart {
  readonly start: true
  /** Absent where the node takes none. */
  readonly input?: NodeValue | undefined
  /** The ordinal that it waited for; `null` for a first one. */
  readonly source: number | null
}

/** Whether the message of a node may run, asked when it was received. */
export type StartAnswer = StepStart | { readonly start: false; readonly reason: string }

/** A run, as seen from outside. */
export interface RunView {
  readonly run: string
  readonly name: string
  readonly state: RunState
  readonly gen: number
  readonly count: number
  readonly sink: number
  readonly end: number
  /** Milliseconds since 1970. */
  readonly createdAt: number
  readonly endedAt: number | null
  /** The ordinal that failed it. */
  readonly cause: number | null
  /** Why it was cancelled. */
  readonly reason: string | null
}

/** A node, as seen from outside. */
export interface NodeView {
  readonly ord: number
  readonly kind: WorkflowNode['kind']
  readonly name: string
  readonly gate: GateKind | null
  readonly state: NodeState
  readonly gen: number
  readonly sources: readonly number[]
  /** The node in whose place it runs. */
  readonly parent: number | null
  readonly releasedAt: number | null
  readonly endedAt: number | null
  /** Why it was skipped or failed, as an ordinal. */
  readonly cause: number | null
  /** The result body of a task that ended; errors are in it. */
  readonly body: Body | null
}

/** What is to become of a run. */
export type RunCommand =
  | { readonly kind: 'cancel'; readonly reason: string }
  | { readonly kind: 'resume'; readonly expected: number }

/** Which runs to list. Pages go by `after`, the id of the last one seen. */
export interface RunPage {
  readonly limit: number
  readonly after?: string | undefined
  readonly state?: RunState | undefined
}

/** What a control command came to. */
export type ControlStatus =
  | 'ok'
  /** It has ended (cancel), or is still going (resume). */
  | 'final'
  /** Another resume was quicker. */
  | 'conflict'
  | 'unknown'

/**
 * Keeps the graphs of runs, and decides what follows when a node ends: in the same atomic step of
 * `Transport.settle` that ends its message, so that no crash lies between.
 *
 * Completeness is walked over the states of the sources and never counted: a node that ends twice
 * changes nothing. Every step is bounded; what is left of a wide fan-out is kept as cursors in the
 * run, is told to {@link onMore}, and goes on by {@link pump}.
 *
 * All methods are safe to repeat.
 */
export interface WorkflowStore {
  /** Reserves `count` ordinals of a run for an expansion; returns the first. A lost answer only leaks numbers. */
  reserve(run: string, count: number): Promise<number>
  /**
   * Stores a page of nodes. Nothing of it runs before {@link seal}, or before a graft takes it in. The same page
   * twice is once. A page without nodes makes the run known: it can be cancelled before anybody has sent it, and
   * then {@link seal} answers `known` for a day.
   */
  put(run: string, nodes: readonly (WorkflowNode | MoreSources)[]): Promise<void>
  /**
   * Starts a run whose nodes were put, but for the page `last`, which it puts in the same atomic step. `known`: it
   * was started before.
   */
  seal(
    run: string,
    head: RunHead,
    last?: readonly (WorkflowNode | MoreSources)[],
  ): Promise<'sealed' | 'known'>
  /** Goes on with what is left to do in a run, in one bounded step. */
  pump(run: string): Promise<{ readonly more: boolean }>
  /** Whether received messages may run, and with what input. */
  check(places: readonly NodePlace[]): Promise<readonly StartAnswer[]>
  /**
   * Cancels a run: one write, whatever its size. No node starts any more, running ones are told,
   * and their results are refused. Or resumes a run that failed or was cancelled as the generation
   * after `expected`: what succeeded, and what was allowed to fail, is kept.
   */
  control(run: string, command: RunCommand): Promise<ControlStatus>
  /** One run; `null` when it is not kept (any more). */
  read(run: string): Promise<RunView | null>
  /** Nodes of a run in the order of their ordinals. */
  nodes(
    run: string,
    page: { readonly from: number; readonly limit: number },
  ): Promise<readonly NodeView[]>
  /** The value of a node; for a run that ended the value, or the failure, of its sink. */
  value(run: string, ord: number): Promise<NodeValue>
  /** Values of the list of a join, in order. */
  values(
    run: string,
    page: { readonly ord: number; readonly from: number; readonly limit: number },
  ): Promise<readonly NodeValue[]>
  /** Runs, newest first. */
  list(page: RunPage): Promise<readonly RunView[]>
  /**
   * What a dead worker or caller left: cancels runs whose deadline has passed, deletes a part of what
   * has expired, and names runs with something left to do.
   */
  sweep(limit: number): Promise<readonly string[]>
  /** Calls `listener` when a step of this instance left something to do in a run. One listener. */
  onMore(listener: (run: string) => void): void
}
