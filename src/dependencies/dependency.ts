import type {
  Dependencies,
  Dependency,
  DependencyOptions,
  DependencyScope,
  Injected,
  Provided,
} from '../core/dependency.ts'
import { DefinitionError } from '../core/errors.ts'
import { defineDependency, definitionOf, readWants, type Want } from './definition.ts'

const knownOptions: ReadonlySet<string> = new Set(['scope', 'name'])

/**
 * Defines a value that is made when a task needs it.
 *
 * `provide` gives the value itself, a promise of it, or is a generator (sync or async) that sets
 * up, yields the value once and tears down after the yield. A value that is not yielded and has
 * `Symbol.asyncDispose` or `Symbol.dispose` is disposed at the end of its scope, unless it is one of
 * the values that the provider was given. What somebody else owns is handed out by a generator.
 *
 * Nothing runs at definition. Each call defines another dependency: identity is the object's.
 *
 * @example
 * const pool = dependency(() => new Pool(), { scope: 'process' })
 * const session = dependency({ pool }, async function* ({ pool }) {
 *   const session = await pool.connect()
 *   try { yield session } finally { session.release() }
 * })
 *
 * @throws DefinitionError when `provide` is not a function, an option is unknown or wrong, a
 *   dependency is missing, or one of scope `'process'` needs one that lives as long as a task.
 */
export function dependency<R>(
  provide: () => R,
  options?: DependencyOptions,
): Dependency<Provided<R>>
export function dependency<D extends Dependencies, R>(
  deps: D,
  provide: (deps: Injected<D>) => R,
  options?: DependencyOptions,
): Dependency<Provided<R>>
export function dependency(
  first: Dependencies | (() => unknown),
  second?: ((deps: never) => unknown) | DependencyOptions,
  third?: DependencyOptions,
): Dependency<unknown> {
  if (typeof first === 'function') {
    const { owner, key, named, scope } = readOptions(first, second)
    // Called without an argument, so that a default parameter of the provider keeps its meaning.
    const provide = (): unknown => first()
    refuseMore(owner, third)
    return defineDependency(key, { kind: 'provider', scope, named, wants: [], provide })
  }
  if (typeof second !== 'function') {
    throw new DefinitionError(
      'a dependency needs a function that makes its value: dependency(() => …) or dependency({ … }, ({ … }) => …).',
    )
  }
  const { owner, key, named, scope } = readOptions(second, third)
  const wants = readWants(first, owner)
  if (scope === 'process') for (const want of wants) refuseTaskScope(owner, want)
  return defineDependency(key, {
    kind: 'provider',
    scope,
    named,
    wants,
    // The overload above holds `provide` and `deps` together; their type is gone by here.
    provide: (values) => second(values as never),
  })
}

interface ReadOptions {
  readonly owner: string
  readonly key: string
  readonly named: boolean
  readonly scope: DependencyScope
}

function readOptions(provide: { readonly name: string }, options: unknown): ReadOptions {
  if (options !== undefined && (typeof options !== 'object' || options === null)) {
    throw new DefinitionError(
      `the options of a dependency are an object such as { scope: 'process' }, not ${typeof options}. ` +
        'Dependencies of it come first: dependency({ pool }, ({ pool }) => …).',
    )
  }
  const given: Readonly<Record<string, unknown>> = { ...options }
  const name = given['name'] ?? provide.name
  if (typeof name !== 'string' || (given['name'] !== undefined && name === '')) {
    throw new DefinitionError('the name of a dependency is a text that is not empty.')
  }
  const owner = name === '' ? 'a dependency' : `dependency '${name}'`
  for (const option of Object.keys(given)) {
    if (!knownOptions.has(option)) {
      throw new DefinitionError(
        `${owner}: unknown option '${option}'. There are 'scope' and 'name'.`,
      )
    }
  }
  const scope = given['scope'] ?? 'task'
  if (scope !== 'task' && scope !== 'process') {
    throw new DefinitionError(
      `${owner}: scope is 'task' (one value for each task) or 'process' (one for all), not ${typeof scope === 'string' ? `'${scope}'` : typeof scope}.`,
    )
  }
  return { owner, key: name === '' ? 'anonymous' : name, named: name !== '', scope }
}

function refuseMore(owner: string, third: unknown): void {
  if (third === undefined) return
  throw new DefinitionError(
    `${owner}: too many arguments. Give dependency(provide, options) or dependency(deps, provide, options).`,
  )
}

function refuseTaskScope(owner: string, want: Want): void {
  const needed = definitionOf(want.dependency)
  if (needed.kind === 'context') {
    throw new DefinitionError(
      `${owner} lives as long as the process and cannot need TaskContext ('${want.name}'): ` +
        "there is one for each task. Drop its scope: 'process', or give the context to a method of the value.",
    )
  }
  if (needed.scope === 'process') return
  throw new DefinitionError(
    `${owner} lives as long as the process and cannot need '${want.name}', which lives as long as one task. ` +
      `Give '${want.name}' scope: 'process' too, or drop it here.`,
  )
}
