import type { Body, Envelope } from './message.ts'
import type { NodePart } from './settlement.ts'

/** One node of a flat graph, by its ordinal. Completeness of its inputs is a set, never a counter. */
export interface WorkflowNode {
  readonly ord: number
  readonly kind: 'task' | 'join' | 'end'
  /** Ordinals whose end this node waits for, in the order of its inputs. */
  readonly sources: readonly number[]
  /** The message to send when it is released, with holes for generation and input. */
  readonly template?: Envelope | undefined
}

/** What applying a node part led to. */
export interface ApplyAnswer {
  readonly status: 'applied' | 'already' | 'refused'
  readonly send: readonly Envelope[]
  /** More is to be done by `pump`. */
  readonly more: boolean
}

/** Keeps the graphs and decides, in the store, what follows when a node ends. */
export interface WorkflowStore {
  /** Reserves `count` ordinals of a run; returns the first. A lost answer only leaks numbers. */
  reserve(run: string, count: number): Promise<number>
  /** Stores a page of nodes, invisible until sealed. The same page twice is once. */
  put(run: string, nodes: readonly WorkflowNode[]): Promise<void>
  /** Makes the graph visible and starts it. */
  seal(run: string): Promise<void>
  /** Applies ends of nodes (where transport and store are apart; otherwise `settle` does). */
  apply(parts: readonly NodePart[]): Promise<readonly ApplyAnswer[]>
  /** Goes on with a wide fan-out, in bounded steps. */
  pump(run: string): Promise<ApplyAnswer>
  /** Empties the outbox after its messages were sent. */
  confirm(run: string, ids: readonly string[]): Promise<void>
  /** Cancels a run or resumes it as the next generation. */
  control(
    run: string,
    command: { kind: 'cancel'; reason: string } | { kind: 'resume'; expected: number },
  ): Promise<'ok' | 'final' | 'conflict'>
  /** Runs that a sweeper should look at. */
  due(limit: number): Promise<readonly string[]>
  /** Values of nodes, in order; `null` where there is none yet. */
  values(run: string, ords: readonly number[]): Promise<readonly (Body | null)[]>
}
