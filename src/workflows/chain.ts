import type { Canvas } from '../broker/canvas/canvas.ts'
import { partsOfAll } from '../broker/canvas/canvas-parts.ts'
import { makeCanvas } from '../broker/canvas/make-canvas.ts'
import type { AnyStep, CheckChain, InOf, LastOf, OutOf } from '../broker/canvas/step.ts'
import { InvalidInputError } from '../core/errors.ts'
import type { Step } from '../core/step.ts'

/** Makes chains. */
export interface ChainMaker {
  /**
   * Steps one after the other. Each made by `.s(…)` takes the result of the one before it as its first
   * argument; each made by `.si(…)` does not. When one fails for good, those behind it do not run.
   *
   * A step that does not fit is the one that the compiler blames.
   */
  <S extends readonly [AnyStep, ...AnyStep[]]>(
    ...steps: CheckChain<S>
  ): Canvas<InOf<S[0]>, OutOf<LastOf<S>>>
  /** The same from a list whose length is not known: all steps take and hand on the same. */
  from<I, O>(steps: readonly Step<I, O>[]): Canvas<I, O>
}

function chained(steps: readonly unknown[]): unknown {
  const { plans, home } = partsOfAll(steps)
  if (plans.length === 0) throw new InvalidInputError('a chain has at least one step.')
  return makeCanvas({ plan: { kind: 'chain', steps: plans }, home })
}

/** See {@link ChainMaker}. */
export const chain: ChainMaker = Object.assign(
  (...steps: readonly unknown[]) => chained(steps) as never,
  { from: (steps: readonly unknown[]) => chained(steps) as never },
)
