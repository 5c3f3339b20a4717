import { InvalidInputError } from '../../core/errors.ts'
import { TaskContext } from '../../dependencies/task-context.ts'
import type { TaskContext as Context } from '../../core/context.ts'
import { callDirectly } from '../direct-call.ts'
import { sharedPipeTasks } from '../pipeline/pipe-tasks.ts'
import type { RegisteredTask } from '../registry.ts'
import type { BrokerRuntime } from '../runtime.ts'
import { bareCanvas } from './canvas-parts.ts'
import type { CanvasPlan, TaskPlan } from './plan.ts'

const mapName = 'taskwright.map'
const starmapName = 'taskwright.starmap'

/** The step that becomes one run of `step` for each item of its input. */
export function mapPlan(step: CanvasPlan): TaskPlan {
  const queue = firstQueue(step)
  return {
    kind: 'task',
    task: mapName,
    args: [step],
    open: true,
    ...(queue === undefined ? {} : { settings: { queue } }),
  }
}

/** The step that calls a task with each of a list of arguments, all in one run. */
export function starmapPlan(task: RegisteredTask, calls: readonly unknown[] | undefined): TaskPlan {
  return {
    kind: 'task',
    task: starmapName,
    args: calls === undefined ? [task.name] : [calls, task.name],
    open: calls === undefined,
    settings: { queue: task.queue },
  }
}

/** Tasks that every worker knows. */
export function builtInTasks(runtime: () => BrokerRuntime): ReadonlyMap<string, RegisteredTask> {
  const map = ({ ctx }: { ctx: Context }, items: unknown, step: CanvasPlan): unknown => {
    const steps = listOf(items, 'map').map((item) => given(step, item))
    return ctx.expand(bareCanvas({ kind: 'group', steps }))
  }
  const starmap = async (calls: unknown, name: string): Promise<unknown> => {
    const task = runtime().registry.get(name)
    if (task === undefined) throw new InvalidInputError(`no task '${name}' is registered here.`)
    const values: unknown[] = []
    for (const args of listOf(calls, 'starmap'))
      values.push((await callDirectly(runtime(), task, listOf(args, 'starmap'))) ?? null)
    return values
  }
  const tasks = [
    builtIn(mapName, map as RegisteredTask['handler'], { ctx: TaskContext }),
    builtIn(starmapName, starmap as RegisteredTask['handler'], undefined),
  ]
  for (const { name, params, handler } of sharedPipeTasks(runtime))
    tasks.push({ ...builtIn(name, handler, undefined), params })
  return new Map(tasks.map((task) => [task.name, task]))
}

/** A task of the package's own, with no settings. */
export function builtIn(
  name: string,
  handler: RegisteredTask['handler'],
  deps: RegisteredTask['deps'],
): RegisteredTask {
  return {
    name,
    handler,
    deps,
    input: undefined,
    output: undefined,
    params: undefined,
    queue: undefined,
    timeout: undefined,
    grace: undefined,
    retry: undefined,
    labels: {},
    priority: undefined,
    result: undefined,
    claimCheck: undefined,
    unique: undefined,
    gates: undefined,
    expires: undefined,
    rate: undefined,
    isolate: undefined,
    definedAt: undefined,
    aliases: [],
    schedule: [],
  }
}

function listOf(value: unknown, what: string): readonly unknown[] {
  if (Array.isArray(value)) return value
  throw new InvalidInputError(`${what} needs a list from the step before it, not ${kindOf(value)}.`)
}

function kindOf(value: unknown): string {
  return value === null ? 'null' : typeof value
}

/** A step that stands first, with its input. */
function given(plan: CanvasPlan, item: unknown): CanvasPlan {
  switch (plan.kind) {
    case 'task':
      return plan.open ? { ...plan, args: [item, ...plan.args], open: false } : plan
    case 'map':
      return given(mapPlan(plan.step), item)
    case 'group':
      return { ...plan, steps: plan.steps.map((step) => given(step, item)) }
    case 'chain': {
      const [first, ...rest] = plan.steps
      return first === undefined ? plan : { ...plan, steps: [given(first, item), ...rest] }
    }
  }
}

/** The queue that the first step of a plan goes to by its own settings. */
export function firstQueue(plan: CanvasPlan): string | undefined {
  if (plan.kind === 'task') return plan.settings?.queue
  const first = plan.kind === 'map' ? plan.step : plan.steps[0]
  return first === undefined ? undefined : firstQueue(first)
}
