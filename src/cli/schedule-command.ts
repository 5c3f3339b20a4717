import { tasksOf } from '../broker/canvas/plan.ts'
import { plannedWorkflow } from '../broker/canvas/start-task.ts'
import type { PlannedTask, Scheduler, SchedulerStatus } from '../scheduler/scheduler.ts'
import { exitCodes, type ExitCode } from './exit-codes.ts'
import { loadScheduler } from './load-scheduler.ts'
import { toJson } from './printable-data.ts'
import { safeText } from './safe-text.ts'
import { table } from './table.ts'
import type { Terminal } from './terminal.ts'

interface Flags {
  readonly json?: boolean | undefined
  readonly module?: readonly string[] | undefined
}

/** What `taskwright schedule list` and `status` were told. */
export interface ScheduleCommand {
  readonly target: string
  readonly flags: Flags
}

/** What a command about one plan was told. */
export interface SchedulePlanCommand extends ScheduleCommand {
  readonly id: string
}

/** What `taskwright schedule next` was told. */
export interface ScheduleNextCommand extends SchedulePlanCommand {
  readonly flags: Flags & { readonly count: number }
}

/** Prints all plans. */
export function listPlans(command: ScheduleCommand, terminal: Terminal): Promise<ExitCode> {
  return withScheduler(command, async (scheduler) => {
    const plans = await scheduler.plans()
    if (command.flags.json === true) terminal.out(toJson(plans))
    else if (plans.length === 0) terminal.err('there are no plans')
    else {
      const columns = ['id', 'task', 'when', 'next', 'fired', 'missed', 'skipped', 'source']
      const rows = plans.map(rowOf)
      const titled = columns.map((title) => ({ title }))
      for (const line of table(titled, rows, terminal.outColours.bold)) terminal.out(line)
    }
    return exitCodes.done
  })
}

/** Prints when a plan is due. */
export function nextOfPlan(command: ScheduleNextCommand, terminal: Terminal): Promise<ExitCode> {
  return withScheduler(command, async (scheduler) => {
    const times = await scheduler.next(command.id, command.flags.count)
    if (command.flags.json === true) terminal.out(toJson(times.map((at) => at.toISOString())))
    else for (const at of times) terminal.out(at.toISOString())
    if (times.length === 0) terminal.err(`${command.id}: never again`)
    return exitCodes.done
  })
}

/** Pauses a plan. */
export function pausePlan(command: SchedulePlanCommand, terminal: Terminal): Promise<ExitCode> {
  return changePlan(command, terminal, async (scheduler, id) => {
    await scheduler.pause(id)
    return 'paused'
  })
}

/** Lets a plan go on. */
export function resumePlan(command: SchedulePlanCommand, terminal: Terminal): Promise<ExitCode> {
  return changePlan(command, terminal, async (scheduler, id) => {
    await scheduler.resume(id)
    return `goes on at ${(await scheduler.next(id))[0]?.toISOString() ?? 'no time'}`
  })
}

/** Sends the message of a plan now. */
export function runPlan(command: SchedulePlanCommand, terminal: Terminal): Promise<ExitCode> {
  return changePlan(command, terminal, async (scheduler, id) => {
    const sent = await scheduler.run(id)
    return 'runId' in sent ? `started workflow ${sent.runId}` : `sent message ${sent.taskId}`
  })
}

/** Deletes a plan. */
export function removePlan(command: SchedulePlanCommand, terminal: Terminal): Promise<ExitCode> {
  return changePlan(command, terminal, async (scheduler, id) => {
    await scheduler.remove(id)
    return 'removed'
  })
}

/** Prints how the schedulers do; ends with `failed` unless they do well. */
export function showStatus(command: ScheduleCommand, terminal: Terminal): Promise<ExitCode> {
  return withScheduler(command, async (scheduler) => {
    const status = await scheduler.status()
    if (command.flags.json === true) terminal.out(toJson(status))
    else for (const line of statusLines(status)) terminal.out(line)
    return status.health === 'healthy' ? exitCodes.done : exitCodes.failed
  })
}

function statusLines(status: SchedulerStatus): string[] {
  const { health, leaders, plans, paused, overdue, bad, fired, missed, skipped } = status
  const lines = [
    health,
    `plans: ${plans}, paused: ${paused}, overdue: ${overdue.length}, unfit: ${bad.length}`,
    `fired: ${fired}, missed: ${missed}, skipped: ${skipped}`,
  ]
  for (const { holder, alive, goneFor, report } of leaders) {
    const lag =
      report === undefined
        ? ''
        : `, lag ${report.counts.lag.last} ms (most ${report.counts.lag.max} ms), drift ${report.counts.drift} ms, errors ${report.counts.errors}`
    const since = alive ? 'leads' : `led until ${Math.round(goneFor / 1000)} s ago`
    lines.push(`${since}: ${safeText(holder)}${lag}`)
  }
  for (const id of overdue.slice(0, 20)) lines.push(`overdue: ${safeText(id)}`)
  for (const { id, why } of bad.slice(0, 20)) lines.push(`unfit: ${safeText(id)}: ${safeText(why)}`)
  return lines
}

function rowOf({ plan, source, state, next }: PlannedTask): (string | number)[] {
  return [
    safeText(plan.id),
    safeText(whatOf(plan)),
    safeText(whenOf(plan)),
    state?.paused === true ? 'paused' : (next?.toISOString() ?? 'never'),
    state?.fired ?? 0,
    state?.missed ?? 0,
    state?.skipped ?? 0,
    source,
  ]
}

/** The task; of a workflow its name, or its tasks. */
function whatOf(plan: PlannedTask['plan']): string {
  const workflow = plannedWorkflow(plan)
  if (workflow === undefined) return plan.task
  const { canvas, run } = workflow
  return `workflow: ${run.name ?? [...new Set(tasksOf(canvas))].join(', ')}`
}

function whenOf({ cron, every, at, timezone }: PlannedTask['plan']): string {
  const zone = timezone === undefined ? '' : ` ${timezone}`
  if (cron !== undefined) return `${cron}${zone}`
  if (every !== undefined) return `every ${every / 1000} s`
  return at === undefined ? '' : new Date(at).toISOString()
}

function changePlan(
  command: SchedulePlanCommand,
  terminal: Terminal,
  change: (scheduler: Scheduler, id: string) => Promise<string>,
): Promise<ExitCode> {
  return withScheduler(command, async (scheduler) => {
    const did = await change(scheduler, command.id)
    if (command.flags.json === true) terminal.out(toJson({ id: command.id, did }))
    else terminal.out(`${safeText(command.id)}: ${did}`)
    return exitCodes.done
  })
}

/** Opens the scheduler of a target without starting it, and closes its broker, whatever happens. */
async function withScheduler(
  { target, flags }: ScheduleCommand,
  use: (scheduler: Scheduler) => Promise<ExitCode>,
): Promise<ExitCode> {
  const { scheduler, broker } = await loadScheduler(target, flags.module)
  try {
    return await use(scheduler)
  } finally {
    await broker.stop()
  }
}
