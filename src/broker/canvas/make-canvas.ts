import { milliseconds } from '../../core/duration.ts'
import { InvalidInputError, NotStartedError, UnsupportedError } from '../../core/errors.ts'
import { priorityNumber, type Labels } from '../../core/labels.ts'
import type { ScheduleSource } from '../../core/schedule-source.ts'
import { checkLabels } from '../check-labels.ts'
import type { RegisteredTask } from '../registry.ts'
import type { BrokerRuntime } from '../runtime.ts'
import { lineFrom, scheduleWorkflow, type WorkflowLine } from '../schedule-task.ts'
import { checkName } from '../task-definition.ts'
import type { TaskHome } from '../task-home.ts'
import { partsKey, partsOf, type CanvasParts } from './canvas-parts.ts'
import type { Canvas, RunOptions, Signature, SignatureSettings } from './canvas.ts'
import type { CanvasPlan, StepSettings, TaskPlan } from './plan.ts'
import { sendWorkflow } from './send-workflow.ts'

/** A canvas whose types have been checked by those who offer it. */
type AnyCanvas = Canvas<unknown, unknown>
/** A signature whose types have been checked. */
type AnySignature = Signature<unknown, unknown>

/** Makes a canvas of its parts. */
export function makeCanvas(parts: CanvasParts): AnyCanvas {
  const but = (more: Partial<CanvasPlan>): AnyCanvas =>
    makeCanvas({ ...parts, plan: { ...parts.plan, ...more } as CanvasPlan })
  return whole(parts, but)
}

/** Makes the signature of a task. @throws UnsupportedError for one whose code lives elsewhere. */
export function makeSignature(
  home: TaskHome,
  task: RegisteredTask,
  call: { readonly args: readonly unknown[]; readonly open: boolean },
): AnySignature {
  if (task.handler === undefined) {
    throw new UnsupportedError(
      `task '${task.name}' is remote, so it cannot be a step of a workflow: a worker in another language ends its message without telling the workflow, which would wait for ever. A Pipeline goes through such workers: new Pipeline(broker, first).callNext(${task.name}). Or send it from a step, and wait there for its result.`,
    )
  }
  return signatureOf(home, { kind: 'task', task: task.name, ...call })
}

/** A canvas, or a signature, of a plan. */
export function canvasOfPlan(home: TaskHome, plan: CanvasPlan): AnyCanvas {
  return plan.kind === 'task' ? signatureOf(home, plan) : makeCanvas({ home, plan })
}

function signatureOf(home: TaskHome, plan: TaskPlan): AnySignature {
  const but = (more: Partial<TaskPlan>): AnySignature => signatureOf(home, { ...plan, ...more })
  return {
    ...whole({ home, plan }, (more) => but(more as Partial<TaskPlan>)),
    taskName: plan.task,
    set: (settings) => but({ settings: merged(plan.settings, settings) }),
    allowFailure: () => but({ policy: 'allow' }),
    continueOnFailure: () => but({ policy: 'continue' }),
    onError: (step) => but({ onError: [...(plan.onError ?? []), partsOf(step).plan] }),
    onSuccess: (step) => but({ onSuccess: [...(plan.onSuccess ?? []), partsOf(step).plan] }),
  }
}

function whole(parts: CanvasParts, but: (more: Partial<CanvasPlan>) => AnyCanvas): AnyCanvas {
  const { plan } = parts
  const send = async (options: RunOptions, input: readonly unknown[]) =>
    sendWorkflow(runtimeOfCanvas(parts), plan, { ...options, input })
  const schedule = async (source: ScheduleSource, line: WorkflowLine, input: readonly unknown[]) =>
    scheduleWorkflow(runtimeOfCanvas(parts), plan, { source, line, input })
  const andThen = (next: unknown): unknown => {
    const then = partsOf(next)
    const steps = plan.kind === 'chain' && isPlain(plan) ? plan.steps : [plan]
    const longer: CanvasPlan = { kind: 'chain', steps: [...steps, then.plan] }
    return makeCanvas({ home: parts.home ?? then.home, plan: longer })
  }
  const canvas: AnyCanvas = {
    andThen: andThen as AnyCanvas['andThen'],
    onFailure: (step) => but({ onFailure: [...(plan.onFailure ?? []), partsOf(step).plan] }),
    allowFailure: () => but({ policy: 'allow' }),
    continueOnFailure: () => but({ policy: 'continue' }),
    failFast: () => but({ failFast: true }),
    kiq: async (...input: readonly unknown[]) => send({}, input),
    kiqAs: async (options, ...input: readonly unknown[]) => send(options, input),
    scheduleByCron: async (source, line, ...input: readonly unknown[]) =>
      schedule(source, lineFrom.cron(line), input),
    scheduleByInterval: async (source, line, ...input: readonly unknown[]) =>
      schedule(source, lineFrom.every(line), input),
    scheduleByTime: async (source, line, ...input: readonly unknown[]) =>
      schedule(source, lineFrom.at(line), input),
    toJSON: () => plan,
  }
  return Object.defineProperty(canvas, partsKey, { value: parts, enumerable: true })
}

/** A chain that has no settings of its own may be made longer; one that has is a part of the longer one. */
function isPlain({ policy, failFast, onFailure }: CanvasPlan): boolean {
  return policy === undefined && failFast === undefined && onFailure === undefined
}

function runtimeOfCanvas({ home }: CanvasParts): BrokerRuntime {
  if (home !== undefined) return home.runtime('')
  throw new NotStartedError(
    'this canvas has no task, so it belongs to no broker: there is nothing to send.',
  )
}

function merged(before: StepSettings | undefined, given: SignatureSettings): StepSettings {
  const { queue, labels, delay, priority, retry, timeout } = given
  const own: Record<string, Labels[string]> = { ...before?.labels, ...checkLabels(labels ?? {}) }
  if (priority !== undefined) {
    const level = priorityNumber(priority)
    if (level === undefined) {
      throw new InvalidInputError(
        "a priority is 'low', 'normal', 'high', 'critical' or a whole number from 0 to 9.",
      )
    }
    own['priority'] = level
  }
  if (retry !== undefined) {
    const max = retry === false ? 0 : retry.max
    if (!Number.isInteger(max) || max < 0)
      throw new InvalidInputError(`retry.max is a whole number of 0 or more, not ${String(max)}.`)
    own['max_retries'] = max + 1
  }
  if (timeout !== undefined) {
    const ms = milliseconds(timeout)
    if (!(ms > 0)) throw new InvalidInputError('a timeout must be more than 0.')
    own['timeout'] = ms / 1000
  }
  return {
    queue: queue === undefined ? before?.queue : checkName(queue, 'queue'),
    labels: own,
    delay: delay === undefined ? before?.delay : milliseconds(delay),
  }
}
