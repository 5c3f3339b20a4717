/** An injected value: a key for messages, and the type of what is injected. Make one with `dependency(…)`. */
export interface Dependency<out T> {
  /** For error messages and the graph; need not be unique (identity is the object's). */
  readonly key: string
  readonly '~types'?: { readonly value: T }
}

/** Dependencies by the name under which a handler or provider wants them. */
export type Dependencies = { readonly [name: string]: Dependency<unknown> }

/** What arrives for {@link Dependencies}. */
export type Injected<D> = { [K in keyof D]: D[K] extends Dependency<infer T> ? T : never }

/** What a provider gives: the yield of a generator, the awaited value otherwise. */
export type Provided<R> =
  R extends AsyncGenerator<infer T, unknown, never>
    ? T
    : R extends Generator<infer T, unknown, never>
      ? T
      : Awaited<R>

/** How long a value lives: as long as the process (made once, on first use), or as one task. */
export type DependencyScope = 'task' | 'process'

/** Options of `dependency(…)`. */
export interface DependencyOptions {
  /** Default `'task'`. */
  scope?: DependencyScope | undefined
  /** Shown in error messages; default the provider's function name. */
  name?: string | undefined
}
