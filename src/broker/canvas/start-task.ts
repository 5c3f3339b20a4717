/**
 * Plans of workflows. A plan sends a message like any other, of a task that every worker knows; its arguments
 * are the canvas as data. Whoever runs it compiles the canvas and starts the run whose id follows from the
 * id of the message, so a message that comes twice starts one run. The ledger of the plan looks at that run too:
 * for the overlap policies the message has not ended before its run has.
 */
import { createHash } from 'node:crypto'
import { InvalidInputError } from '../../core/errors.ts'
import type { TaskContext as Context } from '../../core/context.ts'
import { runOfMessage } from '../../core/node-id.ts'
import { exponential } from '../../core/retry.ts'
import type { SchedulePlan } from '../../core/schedule-plan.ts'
import { TaskContext } from '../../dependencies/task-context.ts'
import { cancelTasks } from '../cancel.ts'
import { checkCount } from '../make-plan.ts'
import type { RegisteredTask } from '../registry.ts'
import type { BrokerRuntime } from '../runtime.ts'
import { builtIn, firstQueue } from './built-in.ts'
import { compile } from './compile.ts'
import { tasksOf, type CanvasPlan } from './plan.ts'
import { sendWorkflow } from './send-workflow.ts'
import type { WorkflowHandle } from './workflow-handle.ts'
import { workflowsOf } from './write-graph.ts'

/** The task whose messages start workflows. */
export const startName = 'taskwright.start'

/** How the runs of a plan are sent: as `RunOptions`, plain. */
export interface PlannedRun {
  readonly name?: string | undefined
  /** Milliseconds. */
  readonly deadline?: number | undefined
}

/** What a plan of a workflow starts: the one argument of the message that starts it. */
export interface PlannedWorkflow {
  readonly canvas: CanvasPlan
  readonly run: PlannedRun
  /** At most one value: of the argument that the first step leaves open. */
  readonly input: readonly unknown[]
}

/** What a plan starts; `undefined` for the plan of a task. @throws InvalidInputError for data that is no canvas. */
export function plannedWorkflow(
  plan: Pick<SchedulePlan, 'task' | 'args'>,
): PlannedWorkflow | undefined {
  if (plan.task !== startName) return undefined
  const [workflow] = plan.args as [PlannedWorkflow | undefined]
  tasksOf(workflow?.canvas)
  return workflow
}

/** Checks that a workflow could be sent now. @throws InvalidInputError, UnsupportedError */
export async function checkWorkflow(
  runtime: BrokerRuntime,
  { canvas, input }: PlannedWorkflow,
): Promise<void> {
  workflowsOf(runtime)
  if (input.length > 1) throw new InvalidInputError('a canvas takes one input at most.')
  const { nodes } = await compile(runtime, canvas, { run: '0'.repeat(20), input })
  for (const { outgoing, takes } of nodes) {
    const task = outgoing === undefined ? undefined : runtime.taskOf(outgoing.message.task)
    if (task !== undefined && takes !== true) checkCount(task, outgoing?.message.args ?? [])
  }
}

/** The queue whose workers are to start a workflow: that of its first step. */
export function startQueue(runtime: BrokerRuntime, canvas: CanvasPlan): string | undefined {
  return firstQueue(canvas) ?? runtime.taskOf(tasksOf(canvas)[0] ?? '')?.queue
}

/** Starts the workflow of a plan now, besides its slots. */
export function startNow(
  runtime: BrokerRuntime,
  { canvas, run, input }: PlannedWorkflow,
): Promise<WorkflowHandle<unknown>> {
  return sendWorkflow(runtime, canvas, { ...run, input })
}

/**
 * Cancels what a message of a plan came to: itself, and the run that it started or is about to start.
 */
export async function cancelStarted(
  runtime: BrokerRuntime,
  id: string,
  reason: string,
): Promise<void> {
  const [goes = false] = await cancelTasks(runtime, [id], reason)
  const run = runOfStart(id)
  const cancel = { kind: 'cancel', reason } as const
  const store = workflowsOf(runtime)
  if ((await store.control(run, cancel)) !== 'unknown' || !goes) return
  // Its start may be under way in a worker that hears of the cancel too late: what is cancelled before it was
  // sealed never begins.
  await store.put(run, [])
  await store.control(run, cancel)
}

/** The task that starts workflows. */
export function startTask(runtime: () => BrokerRuntime): RegisteredTask {
  const start = async (
    { ctx }: { ctx: Context },
    { canvas, run, input }: PlannedWorkflow,
  ): Promise<string> => {
    const id = runOfStart(ctx.taskId)
    await sendWorkflow(runtime(), canvas, { ...run, id, input })
    return id
  }
  return {
    ...builtIn(startName, start as RegisteredTask['handler'], { ctx: TaskContext }),
    // A store that is away for a while must not cost a run; a worker that lacks a task may be an old one.
    retry: { max: 10, backoff: exponential('1s', { max: '1m', jitter: true }) },
  }
}

/** The run that a message starts, whoever made its id. */
function runOfStart(id: string): string {
  return runOfMessage(id) ?? createHash('sha256').update(id).digest('hex').slice(0, 20)
}
