import { InvalidInputError } from '../core/errors.ts'
import type { Labels } from '../core/labels.ts'
import type { ScheduleLine } from '../core/schedule-line.ts'
import { isPlanId, type SchedulePlan } from '../core/schedule-plan.ts'
import { readTiming } from '../cron/read-timing.ts'
import { toTravel } from './arguments.ts'
import { checkLabels } from './check-labels.ts'
import { checkName } from './task-definition.ts'
import type { RegisteredTask } from './registry.ts'

/**
 * Makes a plan of a line: everything is checked here, so that nothing is stored which no scheduler could
 * fire. At once, unless a schema has to be waited for.
 * @throws InvalidInputError that says what is wrong.
 */
export function makePlan(
  task: RegisteredTask,
  line: ScheduleLine,
  of: { readonly id: string; readonly labels?: Labels | undefined },
): SchedulePlan | Promise<SchedulePlan> {
  const id = line.id ?? of.id
  if (!isPlanId(id)) throw new InvalidInputError('`id` is 1 to 250 characters without spaces.')
  const args = line.args ?? []
  checkCount(task, args)
  const timing = readTiming(line)
  const labels = checkLabels({ ...of.labels, ...line.labels })
  const queue = line.queue === undefined ? undefined : checkName(line.queue, 'queue')
  const travelling = toTravel(task, args)
  const plan = (travels: Pick<SchedulePlan, 'args' | 'kwargs'>): SchedulePlan => ({
    id,
    task: task.name,
    args: travels.args,
    kwargs: travels.kwargs,
    labels,
    ...(queue === undefined ? {} : { queue }),
    ...timing,
  })
  return travelling instanceof Promise ? travelling.then(plan) : plan(travelling)
}

/**
 * A handler's `length` ends at its first default or rest argument: fewer arguments than that cannot fit.
 * @throws InvalidInputError
 */
export function checkCount(task: RegisteredTask, args: readonly unknown[]): void {
  if (task.input !== undefined || task.handler === undefined) return
  const least = task.handler.length - (task.deps === undefined ? 0 : 1)
  if (args.length >= least) return
  throw new InvalidInputError(
    `task '${task.name}' takes ${least} argument${least === 1 ? '' : 's'}, but the line gives ${args.length}: add \`args: […]\`.`,
  )
}
