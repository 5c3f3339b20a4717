import type { Dependency } from '../core/dependency.ts'
import { NotStartedError } from '../core/errors.ts'
import { beginCell, type Cell } from './cell.ts'
import type { Step } from './graph.ts'
import { makeValue } from './made-value.ts'
import { tearDownAll, type HeldValue } from './tear-down.ts'

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
  readonly #held: HeldValue[] = []
  #closing: Promise<void> | undefined

  /**
   * The value of a step, made now if it is not there. Many may ask at once. A failed making is
   * forgotten when it ends: who asks after that tries again.
   *
   * @throws NotStartedError after `close()`.
   */
  obtain(step: Step, values: Readonly<Record<string, unknown>>): Cell {
    if (this.#closing !== undefined) throw closed()
    const { dependency, provider } = step.node
    const inputs = Object.values(values)
    const entries = (this.#entries.get(dependency) ?? []).filter(
      ({ cell }) => cell.failure === undefined,
    )
    const known = entries.find((entry) => entry.inputs.every((one, i) => Object.is(one, inputs[i])))
    if (known !== undefined) return known.cell
    const cell = beginCell(
      () => makeValue(provider, values),
      // In the order in which makings end: what a value needs always ended before it.
      ({ tearDown }) => {
        if (tearDown !== undefined) this.#held.push({ path: step.path, tearDown })
      },
    )
    this.#entries.set(dependency, [...entries, { cell, inputs }])
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
    for (const entries of this.#entries.values()) {
      for (const { cell } of entries) await cell.pending
    }
    this.#entries.clear()
    await tearDownAll(this.#held.splice(0), undefined)
  }
}

function closed(): NotStartedError {
  return new NotStartedError(
    'dependencies cannot be resolved any more: the broker has been closed and its values of scope ' +
      "'process' are torn down. Close it after the last task.",
  )
}
