import { InvalidInputError } from '../core/errors.ts'
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
import type { SqliteStore } from './sqlite-store.ts'

/** The workflows of a store that its transport has opened. */
export class SqliteWorkflowStore implements WorkflowStore {
  readonly #store: SqliteStore

  constructor(store: SqliteStore) {
    this.#store = store
  }

  onMore(listener: (run: string) => void): void {
    this.#store.onUnfinished = listener
  }

  async reserve(run: string, count: number): Promise<number> {
    const first = await this.#store.call('wfReserve', { run, count })
    if (first !== null) return first
    throw new InvalidInputError(`there is no workflow ${run} to expand.`)
  }

  async put(run: string, nodes: readonly (WorkflowNode | MoreSources)[]): Promise<void> {
    await this.#store.call('wfPut', { run, nodes })
  }

  async seal(
    run: string,
    head: RunHead,
    last: readonly (WorkflowNode | MoreSources)[] = [],
  ): Promise<'sealed' | 'known'> {
    const status = await this.#store.call('wfSeal', { run, head, last })
    if (status !== null) return status
    throw new InvalidInputError(`no node of workflow ${run} was put.`)
  }

  async pump(run: string): Promise<{ more: boolean }> {
    return { more: await this.#store.call('wfPump', run) }
  }

  check(places: readonly NodePlace[]): Promise<readonly StartAnswer[]> {
    return this.#store.call('wfCheck', places)
  }

  control(run: string, command: RunCommand): Promise<ControlStatus> {
    return this.#store.call('wfControl', { run, command })
  }

  read(run: string): Promise<RunView | null> {
    return this.#store.call('wfRead', run)
  }

  nodes(run: string, page: { from: number; limit: number }): Promise<readonly NodeView[]> {
    return this.#store.call('wfNodes', { run, ...page })
  }

  value(run: string, ord: number): Promise<NodeValue> {
    return this.#store.call('wfValue', { run, ord })
  }

  values(
    run: string,
    page: { ord: number; from: number; limit: number },
  ): Promise<readonly NodeValue[]> {
    return this.#store.call('wfValues', { run, ...page })
  }

  list(page: RunPage): Promise<readonly RunView[]> {
    return this.#store.call('wfList', page)
  }

  sweep(limit: number): Promise<readonly string[]> {
    return this.#store.call('wfSweep', limit)
  }
}
