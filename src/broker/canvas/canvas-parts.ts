import { InvalidInputError } from '../../core/errors.ts'
import type { NoInput, Step } from '../../core/step.ts'
import type { TaskHome } from '../task-home.ts'
import type { CanvasPlan } from './plan.ts'

/**
 * Where a canvas keeps what it is made of. A registered symbol: a second copy of this package may be
 * handed the canvas of another.
 */
export const partsKey: unique symbol = Symbol.for('taskwright.canvas.parts')

/** What a canvas is made of. */
export interface CanvasParts {
  readonly plan: CanvasPlan
  /** Where its tasks learn through which broker they send; `undefined` where it has no task. */
  readonly home: TaskHome | undefined
}

/** The parts of a canvas. @throws InvalidInputError when it is none. */
export function partsOf(step: unknown): CanvasParts {
  if (isCanvas(step)) return step[partsKey]
  const told =
    typeof step === 'function'
      ? 'a function: of a task give task.s(…) or task.si(…)'
      : typeof step === 'object' && step !== null && 'then' in step
        ? 'a promise: give the signature itself, do not send it'
        : String(step)
  throw new InvalidInputError(`a step is a signature or a canvas, not ${told}.`)
}

/** Whether a value is a canvas of ours. */
export function isCanvas(value: unknown): value is { readonly [partsKey]: CanvasParts } {
  return typeof value === 'object' && value !== null && partsKey in value
}

/** The parts of a list of steps, and the home of the first that has one. */
export function partsOfAll(steps: unknown): {
  readonly plans: CanvasPlan[]
  readonly home: TaskHome | undefined
} {
  if (!Array.isArray(steps))
    throw new InvalidInputError('give the steps as a list: [a.s(), b.s()].')
  const parts = steps.map(partsOf)
  return {
    plans: parts.map(({ plan }) => plan),
    home: parts.find(({ home }) => home !== undefined)?.home,
  }
}

/** A canvas with no more than its parts: enough for whoever only reads them. */
export function bareCanvas(plan: CanvasPlan): Step<NoInput, unknown> {
  return { [partsKey]: { plan, home: undefined } } as Step<NoInput, unknown>
}
