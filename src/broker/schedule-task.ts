import { milliseconds, type Duration } from '../core/duration.ts'
import { InvalidInputError, UnsupportedError } from '../core/errors.ts'
import type { FireLedger } from '../core/fire-ledger.ts'
import type { Labels } from '../core/labels.ts'
import type { LineOf, ScheduleLine } from '../core/schedule-line.ts'
import type { SchedulePlan } from '../core/schedule-plan.ts'
import type { ScheduleSource } from '../core/schedule-source.ts'
import { adoptionOf } from '../cron/adoption.ts'
import { nextSlot } from '../cron/plan-slots.ts'
import type { RunOptions } from './canvas/canvas.ts'
import type { CanvasPlan } from './canvas/plan.ts'
import {
  checkWorkflow,
  plannedWorkflow,
  startName,
  startNow,
  startQueue,
  type PlannedWorkflow,
} from './canvas/start-task.ts'
import type { WorkflowHandle } from './canvas/workflow-handle.ts'
import { makeHandle } from './handle.ts'
import { makePlan } from './make-plan.ts'
import { planMessage } from './plan-message.ts'
import type { RegisteredTask } from './registry.ts'
import type { BrokerRuntime } from './runtime.ts'
import type { ScheduleHandle, WorkflowSchedule } from './schedule-handle.ts'
import type { TaskHandle } from './task-handle.ts'

/** What a plan is made of, beside its line. */
export interface PlanParts {
  readonly args: readonly unknown[]
  readonly labels: Labels
  readonly queue?: string | undefined
  readonly taskId?: string | undefined
}

/** A line, with what a run may have. */
export type WorkflowLine = ScheduleLine & Pick<RunOptions, 'name' | 'deadline'>

/** The lines of the three calls: a bare value, or an object with settings. */
export const lineFrom = {
  cron: (given: string | LineOf<'cron'>): ScheduleLine =>
    typeof given === 'string' ? { cron: given } : { ...given },
  every: (given: Duration | LineOf<'every'>): ScheduleLine =>
    typeof given === 'object' ? { ...given } : { every: given },
  at: (given: Date | string | LineOf<'at'>): ScheduleLine =>
    typeof given === 'string' || given instanceof Date ? { at: given } : { ...given },
} as const

/** Puts a plan for a task into a source; resolves when it is stored. */
export async function scheduleTask(
  runtime: BrokerRuntime,
  task: RegisteredTask,
  { source, line, parts }: { source: ScheduleSource; line: ScheduleLine; parts: PlanParts },
): Promise<ScheduleHandle<unknown>> {
  if (typeof source?.put !== 'function') {
    throw new InvalidInputError(
      'a plan needs a source to be kept in: storeSource(broker), redisScheduleSource({ url }), …',
    )
  }
  if (!source.writable) {
    throw new UnsupportedError(
      `schedule source '${source.name}' is written in code: give a plan made at run time to a store, such as storeSource(broker).`,
    )
  }
  if (parts.taskId !== undefined && line.at === undefined) {
    throw new InvalidInputError(
      'withTaskId(…) fits a plan for one moment only: each message needs an id of its own.',
    )
  }
  const { args, labels, queue, taskId } = parts
  const made = await makePlan(
    task,
    { ...line, args, queue: line.queue ?? queue },
    { id: line.id ?? runtime.ids(), labels },
  )
  const plan = taskId === undefined ? made : { ...made, taskId }
  // Data that cannot travel is refused now, and not when it is due.
  runtime.codec.encodeMessage(planMessage(runtime, plan, { id: runtime.ids() }).message)
  await runtime.openSource(source)
  await source.put([plan])
  return scheduleHandle(runtime, { plan, source })
}

/** Puts a plan for a workflow into a source: of the message that starts it. */
export async function scheduleWorkflow(
  runtime: BrokerRuntime,
  canvas: CanvasPlan,
  of: { source: ScheduleSource; line: WorkflowLine; input: readonly unknown[] },
): Promise<WorkflowSchedule<unknown>> {
  const { source, input } = of
  const { task, line, workflow } = await startLine(runtime, canvas, { line: of.line, input })
  const parts = { args: line.args ?? [], labels: {} }
  const handle = await scheduleTask(runtime, task, { source, line, parts })
  return { ...handle, runNow: () => startNow(runtime, workflow) }
}

/** The plan of a workflow that is written in code; its input stands in `args`. */
export async function workflowPlan(
  runtime: BrokerRuntime,
  canvas: CanvasPlan,
  { id, line: given }: { id: string; line: WorkflowLine },
): Promise<SchedulePlan> {
  const { task, line } = await startLine(runtime, canvas, { line: given, input: given.args ?? [] })
  return makePlan(task, line, { id })
}

/** The task whose message starts a workflow, and the line of that message. Everything of the workflow is checked. */
async function startLine(
  runtime: BrokerRuntime,
  canvas: CanvasPlan,
  { line: given, input }: { line: WorkflowLine; input: readonly unknown[] },
): Promise<{ task: RegisteredTask; line: ScheduleLine; workflow: PlannedWorkflow }> {
  const { name, deadline, ...line } = given
  const run = {
    ...(name === undefined ? {} : { name }),
    ...(deadline === undefined ? {} : { deadline: milliseconds(deadline) }),
  }
  const workflow = { canvas, run, input }
  await checkWorkflow(runtime, workflow)
  const task = runtime.taskOf(startName)
  if (task === undefined) throw new UnsupportedError('this broker starts no workflows.')
  const queue = line.queue ?? startQueue(runtime, canvas)
  return { task, line: { ...line, args: [workflow], queue } as ScheduleLine, workflow }
}

/** The handle of a stored plan. */
export function scheduleHandle(
  runtime: BrokerRuntime,
  { plan, source }: { plan: SchedulePlan; source: ScheduleSource },
): ScheduleHandle<unknown> {
  const pause = async (paused: boolean): Promise<void> => {
    await pausePlan(runtime, plan, paused)
  }
  return {
    scheduleId: plan.id,
    async unschedule() {
      await runtime.openSource(source)
      const [removed] = await source.remove([plan.id])
      await runtime.ledger?.forget([plan.id])
      return removed !== undefined
    },
    pause: () => pause(true),
    resume: () => pause(false),
    next: (count = 1) => nextOf(runtime, plan, count),
    runNow: () => runPlan(runtime, plan),
  }
}

/** Pauses a plan or lets it go on, also one that no scheduler has seen yet. */
export async function pausePlan(
  runtime: BrokerRuntime,
  plan: SchedulePlan,
  paused: boolean,
): Promise<void> {
  await runtime.start()
  const ledger = ledgerOf(runtime)
  await ledger.adopt([adoptionOf(plan, await ledger.now())])
  await ledger.pause([plan.id], paused)
}

/** Sends the message of a plan, or starts its workflow, now. */
export async function runPlan(
  runtime: BrokerRuntime,
  plan: SchedulePlan,
): Promise<TaskHandle<unknown> | WorkflowHandle<unknown>> {
  await runtime.start()
  const workflow = plannedWorkflow(plan)
  if (workflow !== undefined) return startNow(runtime, workflow)
  const id = runtime.ids()
  await runtime.sender.send(planMessage(runtime, plan, { id }))
  return makeHandle(runtime, id, runtime.registry.get(plan.task))
}

/** The next slots of a plan. */
export async function nextOf(
  runtime: BrokerRuntime,
  plan: SchedulePlan,
  count: number,
): Promise<readonly Date[]> {
  await runtime.start()
  const ledger = ledgerOf(runtime)
  const now = await ledger.now()
  const [state] = await ledger.states([plan.id])
  const left = plan.limit === undefined ? count : plan.limit - (state?.fired ?? 0)
  const found: Date[] = []
  let at: number | null = Math.max(now, state?.mark ?? now)
  while (found.length < Math.min(count, left)) {
    at = nextSlot(plan, at, state?.anchor ?? now)
    if (at === null) break
    found.push(new Date(at))
  }
  return found
}

/** @throws UnsupportedError */
export function ledgerOf({ ledger, transport }: BrokerRuntime): FireLedger {
  if (ledger !== undefined) return ledger
  throw new UnsupportedError(
    `transport '${transport.name}' keeps no schedules: use memory:, sqlite: or redis:.`,
  )
}
