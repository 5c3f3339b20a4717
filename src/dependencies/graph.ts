/*
 * From definitions to an order of making.
 *
 * A graph belongs to one table of overrides. In it every dependency that is wanted has one node:
 * the value of an override, the context of the task, or something to be made from other nodes. A
 * dependency and its replacement share a node, and so share their value within a scope.
 *
 * A plan is the graph below one `deps` object, flattened: the nodes to make, each after all that it
 * needs, siblings in the order in which they are written. Both are computed once; resolving walks
 * the list. Definitions cannot change, so only overrides can close a circle.
 */
import type { Dependencies, Dependency } from '../core/dependency.ts'
import { DefinitionError } from '../core/errors.ts'
import {
  definitionOf,
  labelOf,
  readWants,
  type ProviderDefinition,
  type Want,
} from './definition.ts'
import type { OverrideTable } from './overrides.ts'

/** A dependency that a provider makes. */
export interface MadeNode {
  readonly kind: 'made'
  readonly dependency: Dependency<unknown>
  readonly provider: ProviderDefinition
  readonly inputs: readonly Input[]
}

/** Where a value comes from. */
export type Node =
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'context' }
  | MadeNode

/** A node under the name by which it is injected. */
export interface Input {
  readonly name: string
  /** How error messages call it. */
  readonly label: string
  readonly node: Node
}

/** One node to make. */
export interface Step {
  readonly node: MadeNode
  /** How the plan first comes to it: `repo → session → pool`. */
  readonly path: string
}

/** How to make the values of one `deps` object. */
export interface Plan {
  readonly inputs: readonly Input[]
  readonly steps: readonly Step[]
  /** The path to `TaskContext`, where the plan needs it. */
  readonly context: string | undefined
}

interface Passed {
  readonly target: Dependency<unknown>
  readonly label: string
}

/** Builds nodes and plans under one table of overrides, and remembers them. */
export class Graph {
  readonly overrides: OverrideTable
  // Weak: dependencies and `deps` objects may be made on the fly, inside `broker.scope(…)`.
  readonly #nodes = new WeakMap<Dependency<unknown>, Node>()
  readonly #plans = new WeakMap<Dependencies, Plan>()

  constructor(overrides: OverrideTable) {
    this.overrides = overrides
  }

  /**
   * The plan for a `deps` object; the same one each time for the same object.
   *
   * @throws DefinitionError when overrides close a circle, or put a value that lives as long as a
   *   task under one that lives as long as the process; or when `deps` is not what it should be.
   */
  plan(deps: Dependencies): Plan {
    const known = this.#plans.get(deps)
    if (known !== undefined) return known
    const wants = readWants(deps, 'the dependencies of a task')
    const plan = flatten(wants.map((want) => this.#input(want, [])))
    this.#plans.set(deps, plan)
    return plan
  }

  #input(want: Want, trail: readonly Passed[]): Input {
    const own = labelOf(want)
    const label = this.overrides.has(want.dependency) ? `${own} (overridden)` : own
    return { name: want.name, label, node: this.#node({ target: want.dependency, label }, trail) }
  }

  #node(next: Passed, trail: readonly Passed[]): Node {
    const known = this.#nodes.get(next.target)
    if (known !== undefined) return known
    const begin = trail.findIndex(({ target }) => target === next.target)
    if (begin >= 0) throw circle([...trail.slice(begin), next])
    const node = this.#build(next, [...trail, next])
    this.#nodes.set(next.target, node)
    return node
  }

  #build({ target, label }: Passed, trail: readonly Passed[]): Node {
    const override = this.overrides.get(target)
    if (override?.kind === 'value') return { kind: 'value', value: override.value }
    if (override !== undefined) {
      const { replacement } = override
      const want = { name: `replacement of ${target.key}`, dependency: replacement }
      return this.#node({ target: replacement, label: labelOf(want) }, trail)
    }
    const provider = definitionOf(target)
    if (provider.kind === 'context') return provider
    const inputs = provider.wants.map((want) => this.#input(want, trail))
    if (provider.scope === 'process') for (const input of inputs) refuseTaskScope(label, input)
    return { kind: 'made', dependency: target, provider, inputs }
  }
}

function flatten(inputs: readonly Input[]): Plan {
  const steps: Step[] = []
  const seen = new Set<Node>()
  let context: string | undefined
  const visit = ({ label, node }: Input, above: string): void => {
    if (seen.has(node)) return
    seen.add(node)
    const path = above === '' ? label : `${above} → ${label}`
    if (node.kind === 'context') context = path
    if (node.kind !== 'made') return
    for (const input of node.inputs) visit(input, path)
    steps.push({ node, path })
  }
  for (const input of inputs) visit(input, '')
  return { inputs, steps, context }
}

function circle(trail: readonly Passed[]): DefinitionError {
  return new DefinitionError(
    `dependencies need each other: ${trail.map(({ label }) => label).join(' → ')}. ` +
      'An override closes the circle: a replacement must not need what it replaces.',
  )
}

function refuseTaskScope(owner: string, { label, node }: Input): void {
  if (node.kind === 'value' || (node.kind === 'made' && node.provider.scope === 'process')) return
  throw new DefinitionError(
    `dependency '${owner}' lives as long as the process, but an override gives it a '${label}' that ` +
      "lives as long as one task. Give the replacement scope: 'process', or use setValue(…).",
  )
}
