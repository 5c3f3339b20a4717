import { starmapPlan } from '../broker/canvas/built-in.ts'
import type { Canvas } from '../broker/canvas/canvas.ts'
import { partsOf } from '../broker/canvas/canvas-parts.ts'
import { makeCanvas } from '../broker/canvas/make-canvas.ts'
import { registrationKey } from '../broker/define-task.ts'
import type { RegisteredTask } from '../broker/registry.ts'
import type { Sendable } from '../broker/task.ts'
import { InvalidInputError } from '../core/errors.ts'
import type { NoInput } from '../core/step.ts'

/**
 * One step that calls a task once for each list of arguments that the step before it gives, one after
 * the other in one run (Celery's `starmap`). When it fails, it runs again from the first.
 */
export function starmap<A extends readonly unknown[], R>(
  task: Sendable<A, R>,
): Canvas<readonly A[], R[]> {
  const plan = starmapPlan(registration(task), undefined)
  return makeCanvas({ plan, home: homeOf(task) }) as Canvas<readonly A[], R[]>
}

/**
 * Many calls of one task, so many in each step: for calls so short that a message for each costs more
 * than they do. Its value is the list of the steps' lists.
 */
export function chunks<A extends readonly unknown[], R>(
  task: Sendable<A, R>,
  calls: Iterable<A>,
  size: number,
): Canvas<NoInput, R[][]> {
  if (!Number.isInteger(size) || size < 1)
    throw new InvalidInputError(`the size of a chunk is a whole number of 1 or more, not ${size}.`)
  const registered = registration(task)
  const all = [...calls]
  const steps = Array.from({ length: Math.ceil(all.length / size) }, (_, i) =>
    starmapPlan(registered, all.slice(i * size, (i + 1) * size)),
  )
  const canvas: unknown = makeCanvas({ plan: { kind: 'group', steps }, home: homeOf(task) })
  return canvas as Canvas<NoInput, R[][]>
}

function registration(task: unknown): RegisteredTask {
  if (
    (typeof task === 'function' || typeof task === 'object') &&
    task !== null &&
    registrationKey in task
  )
    return task[registrationKey] as RegisteredTask
  throw new InvalidInputError('give the task itself, not its signature.')
}

function homeOf(task: Sendable<never, unknown>): ReturnType<typeof partsOf>['home'] {
  return partsOf((task.s as (...args: never[]) => unknown)()).home
}
