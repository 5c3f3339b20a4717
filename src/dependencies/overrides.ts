import type { Dependency } from '../core/dependency.ts'
import { InvalidInputError } from '../core/errors.ts'
import { isDependency } from './definition.ts'

/** What stands in for a dependency. */
export type Override =
  | { readonly kind: 'dependency'; readonly replacement: Dependency<unknown> }
  | { readonly kind: 'value'; readonly value: unknown }

/** Overrides by the dependency that they stand in for. */
export type OverrideTable = ReadonlyMap<Dependency<unknown>, Override>

/**
 * Puts other dependencies or values in the place of some, for tests. They hold wherever the
 * target is wanted, also deep inside other dependencies, whose own dependencies are then not made.
 *
 * A change counts for the scopes that are opened after it; one that is open keeps what it began
 * with. Every method may be called at any time and any number of times.
 */
export class DependencyOverrides {
  // Replaced as a whole by each change: who holds a table holds a snapshot, and comparing two
  // tables by identity tells whether anything changed.
  #table: OverrideTable = new Map()

  /** The overrides as they are now; a change makes another table. */
  get table(): OverrideTable {
    return this.#table
  }

  /**
   * Makes `replacement` wherever `target` is wanted; `replacement` may itself be overridden. It must
   * not need `target`, or resolving is a `DefinitionError`. The second call for a target wins.
   *
   * @throws InvalidInputError when one of them is not a dependency.
   */
  set<T>(target: Dependency<T>, replacement: Dependency<NoInfer<T>>): void {
    check('replacement', replacement)
    this.#put(target, { kind: 'dependency', replacement })
  }

  /**
   * Gives `value`, as it is, wherever `target` is wanted. It stays the caller's: it is neither
   * awaited nor disposed. The second call for a target wins.
   *
   * @throws InvalidInputError when the target is not a dependency.
   */
  setValue<T>(target: Dependency<T>, value: NoInfer<T>): void {
    this.#put(target, { kind: 'value', value })
  }

  /** Takes the override of `target` back; nothing happens where there is none. */
  delete(target: Dependency<unknown>): void {
    const table = new Map(this.#table)
    if (table.delete(target)) this.#table = table
  }

  /** Takes all overrides back. */
  clear(): void {
    if (this.#table.size > 0) this.#table = new Map()
  }

  #put(target: Dependency<unknown>, override: Override): void {
    check('target', target)
    this.#table = new Map(this.#table).set(target, override)
  }
}

function check(role: string, value: unknown): void {
  if (isDependency(value)) return
  throw new InvalidInputError(
    `the ${role} of an override is not a dependency. Give what dependency(…) returned; for a plain value there is setValue(target, value).`,
  )
}
