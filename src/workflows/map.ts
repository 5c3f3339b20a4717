import type { Canvas } from '../broker/canvas/canvas.ts'
import { partsOf } from '../broker/canvas/canvas-parts.ts'
import { makeCanvas } from '../broker/canvas/make-canvas.ts'
import type { Step } from '../core/step.ts'

/**
 * One run of the step for each item of the list that the step before it gives; its value is the list of
 * theirs, in order. How many there are is known when it runs.
 */
export function map<I, O>(step: Step<I, O>): Canvas<readonly I[], O[]> {
  const { plan, home } = partsOf(step)
  return makeCanvas({ plan: { kind: 'map', step: plan }, home }) as Canvas<readonly I[], O[]>
}
