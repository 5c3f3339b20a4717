import type { SchedulePlan } from '../core/schedule-plan.ts'
import { normalPriority, priorityNumber, type Labels } from '../core/labels.ts'
import { expiryLabels } from './expiry.ts'
import { gatesOf } from './gate-policy.ts'
import type { RegisteredTask } from './registry.ts'
import type { BrokerRuntime } from './runtime.ts'
import type { Outgoing } from './sender.ts'
import { uniqueOf } from './unique-policy.ts'

/** The label that names the plan of a message (TaskIQ's), and the one that says its slot: 0 besides its slots. */
const planLabel = 'schedule_id'
const slotLabel = 'tw_slot'

/** The message of a plan: of one of its slots, under an id that follows from it, or besides them. */
export function planMessage(
  runtime: BrokerRuntime,
  plan: SchedulePlan,
  of: { readonly id: string; readonly slot?: number | undefined },
): Outgoing {
  const task = runtime.taskOf(plan.task)
  const { expires, labels: timely } = expiryLabels(expiryOf(runtime, task, of.slot), undefined)
  const labels: Labels = {
    ...task?.labels,
    ...timely,
    ...(task?.priority === undefined || task.priority === normalPriority
      ? {}
      : { priority: task.priority }),
    ...plan.labels,
    [planLabel]: plan.id,
    // Every message of ours has one: another scheduler's have none, by which it is noticed.
    [slotLabel]: of.slot ?? 0,
  }
  // As a call has them: what they gate and what makes it unique follows from its arguments.
  const args = task?.input === undefined ? plan.args : [plan.kwargs]
  const gates = task?.gates === undefined ? {} : { gates: gatesOf(task, task.gates, args) }
  const unique =
    task?.unique === undefined
      ? {}
      : { delay: task.unique.delay, unique: uniqueOf(task, task.unique, args) }
  return {
    // Several schedulers write the message of one slot, of which one is stored; and the plan holds it all anyway.
    whole: true,
    message: { id: of.id, task: plan.task, args: plan.args, kwargs: plan.kwargs, labels },
    route: {
      fresh: of.slot === undefined,
      expires,
      queue: plan.queue ?? task?.queue ?? runtime.defaultQueue,
      priority: priorityNumber(labels['priority']) ?? normalPriority,
      ...gates,
      ...unique,
    },
  }
}

/** From its slot, or from now where it comes late. */
function expiryOf(runtime: BrokerRuntime, task: RegisteredTask | undefined, slot = 0) {
  if (task?.expires === undefined) return undefined
  const from = Math.max(slot, runtime.surroundings.clock.now())
  return { at: from + task.expires.in, children: task.expires.children }
}
