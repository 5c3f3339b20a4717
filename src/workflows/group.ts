import type { Canvas } from '../broker/canvas/canvas.ts'
import { partsOfAll } from '../broker/canvas/canvas-parts.ts'
import { makeCanvas } from '../broker/canvas/make-canvas.ts'
import type { AnyStep, GroupIn, OutsOf } from '../broker/canvas/step.ts'

/**
 * Steps beside each other. Its value is the list of their values, in the order of the list; an empty
 * group has the empty list. When one fails for good the others go on, and what waits for the
 * group does not run.
 */
export function group<const S extends readonly AnyStep[]>(steps: S): Canvas<GroupIn<S>, OutsOf<S>> {
  const { plans, home } = partsOfAll(steps)
  return makeCanvas({ plan: { kind: 'group', steps: plans }, home }) as Canvas<
    GroupIn<S>,
    OutsOf<S>
  >
}
