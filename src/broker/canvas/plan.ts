import { InvalidInputError } from '../../core/errors.ts'
import type { Labels } from '../../core/labels.ts'
import type { NodePolicy } from '../../core/workflow-store.ts'

/** Settings of one step, as {@link Signature.set} took them. */
export interface StepSettings {
  readonly queue?: string | undefined
  readonly labels?: Labels | undefined
  /** Milliseconds from its release until it may run. */
  readonly delay?: number | undefined
}

/** What every part of a canvas may have. */
interface PlanPart {
  readonly policy?: NodePolicy | undefined
  readonly failFast?: true | undefined
  readonly onFailure?: readonly CanvasPlan[] | undefined
}

/** A call of a task. With `open` its first argument is the result of the step before it. */
export interface TaskPlan extends PlanPart {
  readonly kind: 'task'
  readonly task: string
  readonly args: readonly unknown[]
  readonly open: boolean
  readonly settings?: StepSettings | undefined
  readonly onError?: readonly CanvasPlan[] | undefined
  readonly onSuccess?: readonly CanvasPlan[] | undefined
}

/** Steps one after the other, or beside each other. */
export interface ListPlan extends PlanPart {
  readonly kind: 'chain' | 'group'
  readonly steps: readonly CanvasPlan[]
}

/** One run of a step for each item of the result before it. */
export interface MapPlan extends PlanPart {
  readonly kind: 'map'
  readonly step: CanvasPlan
}

/**
 * A canvas as data: it can be sent, stored and printed. `JSON.stringify(canvas)` writes it, and
 * `broker.canvas(plan)` makes a canvas of it again.
 */
export type CanvasPlan = TaskPlan | ListPlan | MapPlan

/** The names of all tasks of a canvas, side steps included, in order. @throws InvalidInputError for data that is none. */
export function tasksOf(plan: CanvasPlan | undefined, depth: number = 0): string[] {
  if (typeof plan !== 'object' || plan === null || depth > deepest)
    throw new InvalidInputError('its workflow cannot be read.')
  const { onError, onSuccess } = plan as Partial<TaskPlan>
  const sides = [...listOf(plan.onFailure), ...listOf(onError), ...listOf(onSuccess)]
  return [...mainTasks(plan, depth), ...sides.flatMap((step) => tasksOf(step, depth + 1))]
}

const deepest = 200

function mainTasks(plan: CanvasPlan, depth: number): string[] {
  switch (plan.kind) {
    case 'task':
      return [String(plan.task)]
    case 'map':
      return tasksOf(plan.step, depth + 1)
    case 'chain':
    case 'group':
      return listOf(plan.steps).flatMap((step) => tasksOf(step, depth + 1))
    default:
      throw new InvalidInputError('its workflow cannot be read.')
  }
}

function listOf(steps: readonly CanvasPlan[] | undefined): readonly CanvasPlan[] {
  if (steps === undefined || Array.isArray(steps)) return steps ?? []
  throw new InvalidInputError('its workflow cannot be read.')
}
