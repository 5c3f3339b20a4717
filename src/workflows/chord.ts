import type { Canvas } from '../broker/canvas/canvas.ts'
import { partsOf, partsOfAll } from '../broker/canvas/canvas-parts.ts'
import { makeCanvas } from '../broker/canvas/make-canvas.ts'
import type { AnyStep, GroupIn, InOf, OutOf, OutsOf, StepFault } from '../broker/canvas/step.ts'

/**
 * A header of steps beside each other, and a body that runs when all of them have ended well: a barrier
 * that the store keeps. The body made by `.s()` takes the list of their values.
 */
export function chord<const S extends readonly AnyStep[], B extends AnyStep>(
  header: S,
  body: [OutsOf<S>] extends [InOf<B>] ? B : StepFault<B, OutsOf<S>>,
): Canvas<GroupIn<S>, OutOf<B>> {
  const { plans, home } = partsOfAll(header)
  const then = partsOf(body)
  return makeCanvas({
    plan: { kind: 'chain', steps: [{ kind: 'group', steps: plans }, then.plan] },
    home: home ?? then.home,
  }) as Canvas<GroupIn<S>, OutOf<B>>
}
