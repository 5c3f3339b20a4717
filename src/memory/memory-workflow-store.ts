import type { Clock } from '../core/clock.ts'
import { NotStartedError } from '../core/errors.ts'
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
  WorkflowStore,
} from '../core/workflow-store.ts'
import { nodeViews } from '../graphs/node-view.ts'
import { startOf, valueOf, valuesOf } from '../graphs/node-value.ts'
import {
  cancelRun,
  deadlineReason,
  put,
  reserve,
  resumeRun,
  seal,
  viewOf,
} from '../graphs/run-control.ts'
import { pump } from '../graphs/run-step.ts'
import type { MemoryGraphs } from './memory-graphs.ts'
import type { MemoryStore } from './memory-store.ts'

/** The workflows of a {@link MemoryStore}. */
export class MemoryWorkflowStore implements WorkflowStore {
  readonly #store: MemoryStore
  readonly #clock: Clock
  readonly #isOpen: () => boolean
  /** The one listener of this instance. */
  #told: ((run: string) => void) | undefined

  constructor(store: MemoryStore, clock: Clock, isOpen: () => boolean) {
    this.#store = store
    this.#clock = clock
    this.#isOpen = isOpen
  }

  onMore(listener: (run: string) => void): void {
    if (this.#told !== undefined) this.#store.moreListeners.delete(this.#told)
    const tell = (run: string): void => {
      if (this.#isOpen()) listener(run)
      else this.#store.moreListeners.delete(tell)
    }
    this.#told = tell
    this.#store.moreListeners.add(tell)
  }

  async reserve(run: string, count: number): Promise<number> {
    return this.#step((graphs) => reserve(graphs, run, count))
  }

  async put(run: string, nodes: readonly (WorkflowNode | MoreSources)[]): Promise<void> {
    this.#step((graphs, now) => put(graphs, run, { nodes, now }))
  }

  async seal(
    run: string,
    head: RunHead,
    last: readonly (WorkflowNode | MoreSources)[] = [],
  ): Promise<'sealed' | 'known'> {
    const { status, more } = this.#step((graphs, now) => {
      if (last.length > 0) put(graphs, run, { nodes: last, now })
      return seal(graphs, run, { head, now })
    })
    if (more) this.#store.unfinished(run)
    return status
  }

  async pump(run: string): Promise<{ more: boolean }> {
    return { more: this.#step((graphs, now) => pump(graphs, run, now)) }
  }

  async check(places: readonly NodePlace[]): Promise<readonly StartAnswer[]> {
    return this.#step((graphs) => places.map((place) => startOf(graphs, place)))
  }

  async control(run: string, command: RunCommand): Promise<ControlStatus> {
    const { status, more } = this.#step((graphs, now) =>
      command.kind === 'cancel'
        ? cancelRun(graphs, run, { reason: command.reason, now })
        : resumeRun(graphs, run, { expected: command.expected, now }),
    )
    if (more) this.#store.unfinished(run)
    return status
  }

  async read(run: string): Promise<RunView | null> {
    const found = this.#step((graphs) => graphs.run(run))
    return found === undefined ? null : viewOf(found)
  }

  async nodes(run: string, page: { from: number; limit: number }): Promise<readonly NodeView[]> {
    return this.#step((graphs) => nodeViews(graphs, run, page))
  }

  async value(run: string, ord: number): Promise<NodeValue> {
    return this.#step((graphs) => valueOf(graphs, run, ord))
  }

  async values(
    run: string,
    page: { ord: number; from: number; limit: number },
  ): Promise<readonly NodeValue[]> {
    return this.#step((graphs) => valuesOf(graphs, run, page))
  }

  async list({ limit, after, state }: RunPage): Promise<readonly RunView[]> {
    const runs = this.#step((graphs) => graphs.all().reverse())
    const from = after === undefined ? 0 : runs.findIndex(({ run }) => run === after) + 1
    return runs
      .slice(from)
      .filter((run) => state === undefined || run.state === state)
      .slice(0, limit)
      .map(viewOf)
  }

  async sweep(limit: number): Promise<readonly string[]> {
    return this.#step((graphs, now) => {
      const left: string[] = []
      for (const record of graphs.all()) {
        if (left.length === limit) break
        const { run, head, expires, endedAt } = record
        if (expires !== null && expires <= now && record.todo.length === 0) graphs.delete(run)
        else if (endedAt === null && head?.deadline !== undefined && head.deadline <= now)
          cancelRun(graphs, run, { reason: deadlineReason, now })
        if (record.todo.length > 0) left.push(run)
      }
      return left
    })
  }

  #step<T>(work: (graphs: MemoryGraphs, now: number) => T): T {
    if (!this.#isOpen())
      throw new NotStartedError('the memory transport is not started: call broker.start() first.')
    const now = this.#clock.now()
    return this.#store.step(now, (graphs) => work(graphs, now))
  }
}
