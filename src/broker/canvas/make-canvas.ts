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
import type { WorkflowHandle } from './workflow-handle.ts'

/** A canvas whose types have been checked by those who offer it. */
type AnyCanvas = Canvas<unknown, unknown>
/** A signature whose types have been checked. */
type AnySignature = Signature<unknown, unknown>

/** Makes a canvas of its parts. */
export function makeCanvas(parts: CanvasParts): AnyCanvas {
  return new MadeCanvas(parts) as unknown as AnyCanvas
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
  return new MadeSignature(home, plan) as unknown as AnySignature
}

/** Classes: a workflow is made of many, and most are only read. */
class MadeCanvas {
  readonly [partsKey]: CanvasParts

  constructor(parts: CanvasParts) {
    this[partsKey] = parts
  }

  /** The same but for some of its plan. */
  protected but(more: Partial<CanvasPlan>): AnyCanvas {
    const { home, plan } = this[partsKey]
    return makeCanvas({ home, plan: { ...plan, ...more } as CanvasPlan })
  }

  andThen(next: unknown): AnyCanvas {
    const { home, plan } = this[partsKey]
    const then = partsOf(next)
    const steps = plan.kind === 'chain' && isPlain(plan) ? plan.steps : [plan]
    const longer: CanvasPlan = { kind: 'chain', steps: [...steps, then.plan] }
    return makeCanvas({ home: home ?? then.home, plan: longer })
  }

  onFailure(step: unknown): AnyCanvas {
    return this.but({ onFailure: [...(this[partsKey].plan.onFailure ?? []), partsOf(step).plan] })
  }

  allowFailure(): AnyCanvas {
    return this.but({ policy: 'allow' })
  }

  continueOnFailure(): AnyCanvas {
    return this.but({ policy: 'continue' })
  }

  failFast(): AnyCanvas {
    return this.but({ failFast: true })
  }

  async kiq(...input: readonly unknown[]): Promise<WorkflowHandle<unknown>> {
    return this.kiqAs({}, ...input)
  }

  async kiqAs(options: RunOptions, ...input: readonly unknown[]): Promise<WorkflowHandle<unknown>> {
    const parts = this[partsKey]
    return sendWorkflow(runtimeOfCanvas(parts), parts.plan, { ...options, input })
  }

  async scheduleByCron(source: ScheduleSource, line: Line<'cron'>, ...input: readonly unknown[]) {
    return this.#schedule(source, lineFrom.cron(line), input)
  }

  async scheduleByInterval(
    source: ScheduleSource,
    line: Line<'every'>,
    ...input: readonly unknown[]
  ) {
    return this.#schedule(source, lineFrom.every(line), input)
  }

  async scheduleByTime(source: ScheduleSource, line: Line<'at'>, ...input: readonly unknown[]) {
    return this.#schedule(source, lineFrom.at(line), input)
  }

  toJSON(): CanvasPlan {
    return this[partsKey].plan
  }

  #schedule(source: ScheduleSource, line: WorkflowLine, input: readonly unknown[]) {
    const parts = this[partsKey]
    return scheduleWorkflow(runtimeOfCanvas(parts), parts.plan, { source, line, input })
  }
}

type Line<K extends keyof typeof lineFrom> = Parameters<(typeof lineFrom)[K]>[0]

class MadeSignature extends MadeCanvas {
  readonly taskName: string
  readonly #home: TaskHome
  readonly #plan: TaskPlan

  constructor(home: TaskHome, plan: TaskPlan) {
    super({ home, plan })
    this.taskName = plan.task
    this.#home = home
    this.#plan = plan
  }

  protected override but(more: Partial<TaskPlan>): AnySignature {
    return signatureOf(this.#home, { ...this.#plan, ...more })
  }

  set(settings: SignatureSettings): AnySignature {
    return this.but({ settings: merged(this.#plan.settings, settings) })
  }

  onError(step: unknown): AnySignature {
    return this.but({ onError: [...(this.#plan.onError ?? []), partsOf(step).plan] })
  }

  onSuccess(step: unknown): AnySignature {
    return this.but({ onSuccess: [...(this.#plan.onSuccess ?? []), partsOf(step).plan] })
  }
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
