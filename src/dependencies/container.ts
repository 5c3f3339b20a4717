import type { TaskContext } from '../core/context.ts'
import { Graph } from './graph.ts'
import { DependencyOverrides } from './overrides.ts'
import { ProcessValues } from './process-values.ts'
import { TaskScope } from './scope.ts'

/** Options of {@link DependencyContainer}. */
export interface DependencyContainerOptions {
  /** Overrides to look at, so that they outlive one container. Default: new, empty ones. */
  overrides?: DependencyOverrides | undefined
}

/** One run of {@link DependencyContainer.use}. */
export interface ScopeUse<T> {
  /** The task that the scope is for; `undefined` outside a task. */
  context: TaskContext | undefined
  /** What to do in the scope. */
  body: (scope: TaskScope) => Promise<T>
  /** Told of a tear-down that failed after `body` had failed already. It must not throw. */
  onTearDownError?: ((error: unknown) => void) | undefined
}

/**
 * Holds what the dependencies of one broker share: the values of scope `'process'` and the
 * overrides. Making one does nothing; nothing is made before a task needs it.
 */
export class DependencyContainer {
  /** What stands in for other dependencies, for tests. */
  readonly overrides: DependencyOverrides
  readonly #processValues = new ProcessValues()
  #graph: Graph

  constructor(options?: DependencyContainerOptions) {
    this.overrides = options?.overrides ?? new DependencyOverrides()
    this.#graph = new Graph(this.overrides.table)
  }

  /**
   * Opens the scope of one task, under the overrides of this moment. Whoever opens it closes it.
   *
   * @throws NotStartedError after `close()`.
   */
  openScope(context: TaskContext | undefined): TaskScope {
    this.#processValues.checkOpen()
    // Plans are computed once for each table of overrides; in a worker that is once in all.
    if (this.#graph.overrides !== this.overrides.table)
      this.#graph = new Graph(this.overrides.table)
    return new TaskScope({ graph: this.#graph, processValues: this.#processValues, context })
  }

  /**
   * Runs `body` in a scope of its own and ends the scope, telling it whether `body` failed. Gives
   * what `body` gives.
   *
   * @throws the error of `body`; or else the `DependencyError` of a tear-down.
   * @throws NotStartedError after `close()`.
   */
  async use<T>({ context, body, onTearDownError }: ScopeUse<T>): Promise<T> {
    const scope = this.openScope(context)
    let value: T
    try {
      value = await body(scope)
    } catch (error) {
      await scope.close({ error }).catch((tearDown: unknown) => onTearDownError?.(tearDown))
      throw error
    }
    await scope.close()
    return value
  }

  /**
   * Tears down the values of scope `'process'`, the last one first, after waiting for those that are
   * being made. To be called when every scope is closed: one that is open can make nothing of scope
   * `'process'` any more. The second call gives the promise of the first; a closed container stays closed.
   *
   * @throws DependencyError when a tear-down fails; all of them ran.
   */
  close(): Promise<void> {
    return this.#processValues.close()
  }
}
