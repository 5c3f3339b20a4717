import type { Dependencies, Dependency, DependencyScope } from '../core/dependency.ts'
import { DefinitionError } from '../core/errors.ts'

/** A dependency under the name by which its dependent wants it. */
export interface Want {
  readonly name: string
  readonly dependency: Dependency<unknown>
}

/** What is known of a dependency that is made by a function. */
export interface ProviderDefinition {
  readonly kind: 'provider'
  readonly scope: DependencyScope
  /** Whether `key` is a name that somebody gave; otherwise the dependent's name for it says more. */
  readonly named: boolean
  readonly wants: readonly Want[]
  /** Calls the user's function with its dependencies by name. */
  readonly provide: (values: Readonly<Record<string, unknown>>) => unknown
}

/** What is known of a dependency: made by a provider, or the context of the running task. */
export type Definition = ProviderDefinition | { readonly kind: 'context' }

// A registered symbol on the object, not a WeakMap: a dependency made by a second copy of this
// package (one loaded by the program, one by its TypeScript loader) is still understood.
const definition: unique symbol = Symbol.for('taskwright.dependency')

interface Defined<out T> extends Dependency<T> {
  readonly [definition]: Definition
}

/** Makes the frozen object that stands for a dependency. Each call makes another one. */
export function defineDependency<T>(key: string, known: Definition): Dependency<T> {
  const made: Defined<T> = { key, [definition]: known }
  return Object.freeze(made)
}

/** Whether a value stands for a dependency, as made by `dependency(…)`, or is `TaskContext`. */
export function isDependency(value: unknown): value is Dependency<unknown> {
  return typeof value === 'object' && value !== null && definition in value
}

/**
 * What is known of a dependency.
 *
 * @throws DefinitionError when it was written by hand instead of made by `dependency(…)`.
 */
export function definitionOf(dependency: Dependency<unknown>): Definition {
  if (isDefined(dependency)) return dependency[definition]
  throw new DefinitionError(
    `'${dependency.key}' is not a dependency: make it with dependency(…) instead of writing the object by hand.`,
  )
}

/** The name of a dependency in an error message: its own, or else the one its dependent has for it. */
export function labelOf(want: Want): string {
  const known = definitionOf(want.dependency)
  return known.kind === 'provider' && !known.named ? want.name : want.dependency.key
}

// `then` would make the object of injected values look like a promise to `await`; `__proto__`
// would set its prototype instead of a property.
const forbiddenNames: ReadonlySet<string> = new Set(['then', '__proto__'])

/**
 * Reads `deps` of a task or of a dependency, in the order in which they are written. Reads the
 * object once; what is done to it later changes nothing.
 *
 * @param owner How the message names whose they are: `task 'file.process'`.
 * @throws DefinitionError when one is missing or is not a dependency, or has a name that cannot be.
 */
export function readWants(deps: Dependencies, owner: string): readonly Want[] {
  const given: unknown = deps
  if (typeof given !== 'object' || given === null || Array.isArray(given) || isDependency(given)) {
    throw new DefinitionError(
      `${owner}: dependencies are an object of names and dependencies, such as { db: session }.`,
    )
  }
  return Object.entries(given).map(([name, dependency]: [string, unknown]) => {
    if (forbiddenNames.has(name)) {
      throw new DefinitionError(`${owner}: a dependency cannot be named '${name}'. Rename it.`)
    }
    if (dependency === undefined || dependency === null) {
      throw new DefinitionError(
        `${owner}: dependency '${name}' is ${String(dependency)}. Most often two modules import each other, ` +
          `and the one that makes '${name}' has not run yet: move it to a module that neither of them is.`,
      )
    }
    if (!isDependency(dependency)) {
      throw new DefinitionError(
        `${owner}: dependency '${name}' is not one. Wrap what makes the value: dependency(() => …).`,
      )
    }
    return { name, dependency }
  })
}

function isDefined(dependency: Dependency<unknown>): dependency is Defined<unknown> {
  return isDependency(dependency)
}
