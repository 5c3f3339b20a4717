import type { TaskContext } from '../core/context.ts'
import type { Dependencies, Injected } from '../core/dependency.ts'
import { errorData } from '../core/error-data.ts'
import { DependencyError } from '../core/errors.ts'
import { beginCell, type Cell } from './cell.ts'
import type { Graph, Input, MadeNode, Step } from './graph.ts'
import { makeValue } from './made-value.ts'
import type { ProcessValues } from './process-values.ts'
import { tearDownAll, type Failure } from './tear-down.ts'

type Values = Record<string, unknown>

/** What a scope is opened over. */
export interface ScopeBase {
  readonly graph: Graph
  readonly processValues: ProcessValues
  readonly context: TaskContext | undefined
}

/**
 * The life of one task's dependencies. Everything that it makes is kept in the object itself and
 * made from its own context only: two scopes share nothing but values of scope `'process'`, which
 * cannot depend on a task. Opened by `DependencyContainer.openScope`.
 */
export class TaskScope {
  readonly #base: ScopeBase
  readonly #cells = new Map<MadeNode, Cell>()
  #closing: Promise<void> | undefined

  constructor(base: ScopeBase) {
    this.#base = base
  }

  /**
   * Makes the values of `deps`, one after the other in the order in which they are written, each
   * after what it needs. Each dependency is made at most once in a scope, also by calls at the same
   * time; the outcome is kept, a failure too. The object is another one each time.
   *
   * @throws DependencyError when a provider fails (its error is the cause), when `TaskContext` is
   *   needed outside a task (before anything is made), or when the scope has ended. What was made
   *   before waits for `close()`.
   * @throws DefinitionError when overrides make what cannot be made.
   * @throws NotStartedError when a value of the process is needed and the container is closed.
   */
  async resolve<D extends Dependencies>(deps: D): Promise<Injected<D>> {
    if (this.#closing !== undefined) throw ended()
    const { graph, context } = this.#base
    const plan = graph.plan(deps)
    if (plan.context !== undefined && context === undefined) throw outsideTask(plan.context)
    for (const step of plan.steps) {
      const cell = this.#cells.get(step.node) ?? this.#begin(step)
      if (cell.pending !== undefined) {
        await cell.pending
        if (this.#closing !== undefined) throw ended()
      }
      if (cell.failure !== undefined) throw notMade(step.path, cell.failure)
    }
    // The plan was made from these very `deps`: the names and types are theirs.
    return this.#inject(plan.inputs) as Injected<D>
  }

  /**
   * Ends the scope: waits for what is still being made, then tears down what was made, the last one
   * first. Generators go on after their yield, or are thrown the error of `failure` at it, so that
   * `catch` and `finally` in a provider see it; one that swallows it changes nothing for the task.
   * The second call gives the promise of the first.
   *
   * @param failure Present when the task failed.
   * @throws DependencyError when a tear-down fails (all of them run, and those after it are told of
   *   it). The work is not done then, a commit may have failed: a task that had succeeded has not.
   */
  close(failure?: Failure): Promise<void> {
    this.#closing ??= this.#end(failure)
    return this.#closing
  }

  async #end(failure: Failure | undefined): Promise<void> {
    // In the order in which the makings began; what a value needs was there before that. A value of
    // the process is not this scope's to wait for, nor to end.
    const own = [...this.#cells].filter(([node]) => node.provider.scope === 'task')
    for (const [, cell] of own) await cell.pending
    await tearDownAll(
      own.map(([, cell]) => cell),
      failure,
    )
  }

  #begin(step: Step): Cell {
    const { node, path } = step
    const values = this.#inject(node.inputs)
    const cell =
      node.provider.scope === 'process'
        ? this.#base.processValues.obtain(step, values)
        : beginCell(path, () => makeValue(node.provider, values))
    this.#cells.set(node, cell)
    return cell
  }

  #inject(inputs: readonly Input[]): Values {
    const values: Values = {}
    for (const { name, node } of inputs) {
      if (node.kind === 'made') values[name] = this.#cells.get(node)?.value
      else values[name] = node.kind === 'value' ? node.value : this.#base.context
    }
    return values
  }
}

function notMade(path: string, { error }: Failure): DependencyError {
  return new DependencyError(`could not make dependency '${path}': ${errorData(error).message}`, {
    cause: error,
  })
}

function outsideTask(path: string): DependencyError {
  return new DependencyError(
    `'${path}' is wanted outside a task, where there is no TaskContext. Resolve it in a task, ` +
      'split the dependency so that this part needs no context, or override TaskContext in a test.',
  )
}

function ended(): DependencyError {
  return new DependencyError(
    'this scope has ended: its dependencies are torn down. Resolve and use them before the task, ' +
      'or the function given to broker.scope(…), returns; await what it starts.',
  )
}
