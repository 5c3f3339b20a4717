import type { Dependency } from '../core/dependency.ts'
import { NotStartedError } from '../core/errors.ts'
import { beginCell, type Cell } from './cell.ts'
import type { Step } from './graph.ts'
import { makeValue } from './made-value.ts'
import { tearDownAll } from './tear-down.ts'

interface Entry {
  readonly cell: Cell
  readonly inputs: readonly unknown[]
}

/**
 * The values of scope `'process'`: each is made on first use and kept until the end.
 *
 * A value is known by its dependency *and* by what it was made from: when an override changes one of
 * those, another value is made beside it, and taking the override back brings the first one back.
 */
export class ProcessValues {
  readonly #entries = new Map<Dependency<unknown>, Entry[]>()
  /** In the order in which the makings began; what a value needs was there before that. */
  readonly #begun = new Set<Cell>()
  #closing: Promise<void> | undefined

  /**
   * The value of a step, made now if it is not there. Many may ask at once. A failed making is
   * not kept: who asks after it has ended tries again.
   *
   * @throws NotStartedError after `close()`.
   */
  obtain(step: Step, values: Readonly<Record<string, unknown>>): Cell {
    if (this.#closing !== undefined) throw closed()
    const { dependency, provider } = step.node
    const inputs = Object.values(values)
    const entries: Entry[] = []
    for (const entry of this.#entries.get(dependency) ?? []) {
      if (entry.cell.failure !== undefined) this.#begun.delete(entry.cell)
      else if (entry.inputs.every((one, i) => Object.is(one, inputs[i]))) return entry.cell
      else entries.push(entry)
    }
    const cell = beginCell(step.path, () => makeValue(provider, values))
    this.#entries.set(dependency, [...entries, { cell, inputs }])
    this.#begun.add(cell)
    return cell
  }

  /**
   * Waits for what is being made, then tears everything down, the last one first. The second call
   * gives the promise of the first.
   *
   * @throws DependencyError when a tear-down fails; all of them ran.
   */
  close(): Promise<void> {
    this.#closing ??= this.#end()
    return this.#closing
  }

  /** @throws NotStartedError after `close()`. */
  checkOpen(): void {
    if (this.#closing !== undefined) throw closed()
  }

  async #end(): Promise<void> {
    for (const cell of this.#begun) await cell.pending
    await tearDownAll([...this.#begun], undefined)
    this.#entries.clear()
    this.#begun.clear()
  }
}

function closed(): NotStartedError {
  return new NotStartedError(
    'dependencies cannot be resolved any more: the broker has been closed and its values of scope ' +
      "'process' are torn down. Close it after the last task.",
  )
}
