import type { Duration } from '../../core/duration.ts'
import type { Priority } from '../../core/labels.ts'
import type { LineOf } from '../../core/schedule-line.ts'
import type { ScheduleSource } from '../../core/schedule-source.ts'
import type { Step } from '../../core/step.ts'
import type { WorkflowSchedule } from '../schedule-handle.ts'
import type { UserLabels } from '../task-options.ts'
import type { CanvasPlan } from './plan.ts'
import type { AnyStep, InOf, KiqInput, OutOf, StepFault } from './step.ts'
import type { WorkflowHandle } from './workflow-handle.ts'

/**
 * A failure as data: what a step that watches for failures is given, and what one with
 * {@link Canvas.continueOnFailure} hands on.
 */
export interface WorkflowFailure {
  readonly isErr: true
  readonly runId: string
  /** The task that failed, and the id of its message. */
  readonly taskName: string
  readonly taskId: string
  readonly error: { readonly name: string; readonly message: string }
}

/** How a run is sent. */
export interface RunOptions {
  /**
   * The id of the run: 20 hex characters. The same id twice is one run; the second call changes nothing.
   * Default: a new one.
   */
  id?: string | undefined
  /** For lists and logs. Default: the names of its tasks. */
  name?: string | undefined
  /** It is cancelled if it has not ended after this time. Default: none. */
  deadline?: Duration | undefined
}

/**
 * Steps and how they belong together; immutable. Nothing runs before `kiq()`. It is no promise:
 * awaiting or returning one does nothing.
 */
export interface Canvas<I, out O> extends Step<I, O> {
  /** This, then another step. */
  andThen<N extends AnyStep>(next: [O] extends [InOf<N>] ? N : StepFault<N, O>): Canvas<I, OutOf<N>>
  /**
   * A step to run when this canvas has failed: once in each generation, after all of its branches have
   * come to an end.
   */
  onFailure(step: Step<WorkflowFailure, unknown>): Canvas<I, O>
  /** A failure of this canvas stops nobody: `null` is handed on. */
  allowFailure(): Canvas<I, O | null>
  /** A failure of this canvas stops nobody: it is handed on as data. */
  continueOnFailure(): Canvas<I, O | WorkflowFailure>
  /** The first failure in it that is not allowed stops all the rest of it. Default: only what depends on it. */
  failFast(): Canvas<I, O>
  /** Sends it. Resolves when the store has all of it and it is started. */
  kiq(...input: KiqInput<I>): Promise<WorkflowHandle<O>>
  /** The same with an id, a name or a deadline of its own. */
  kiqAs(options: RunOptions, ...input: KiqInput<I>): Promise<WorkflowHandle<O>>
  /**
   * Plans a run by a cron line. Resolves when the source has the plan. Each slot starts one run, whatever dies; its
   * id follows from plan and slot. `overlap` means the run: the last one has not ended before all of its steps have.
   * The line's `queue` and `labels` are of the message that starts it (default: the queue of its first step).
   *
   * @throws InvalidInputError for a line, a zone, a step or an input that cannot be; UnsupportedError for a source
   * that is written in code, or a transport that keeps no workflows.
   */
  scheduleByCron(
    source: ScheduleSource,
    line: string | RunLine<'cron'>,
    ...input: KiqInput<I>
  ): Promise<WorkflowSchedule<O>>
  /** The same at an interval. */
  scheduleByInterval(
    source: ScheduleSource,
    line: Duration | RunLine<'every'>,
    ...input: KiqInput<I>
  ): Promise<WorkflowSchedule<O>>
  /** The same at a moment, once. */
  scheduleByTime(
    source: ScheduleSource,
    line: Date | string | RunLine<'at'>,
    ...input: KiqInput<I>
  ): Promise<WorkflowSchedule<O>>
  /** The canvas as data. */
  toJSON(): CanvasPlan
}

/** A line of one kind, with what its runs may have. */
export type RunLine<K extends 'cron' | 'every' | 'at'> = LineOf<K> &
  Pick<RunOptions, 'name' | 'deadline'>

/** Settings of one step. */
export interface SignatureSettings {
  queue?: string | undefined
  labels?: UserLabels | undefined
  /** Not before this time from the moment at which it could run. */
  delay?: Duration | undefined
  priority?: Priority | undefined
  /** How often it is run again after a failure. The task's own backoff holds. */
  retry?: { max: number } | false | undefined
  timeout?: Duration | undefined
}

/** A call of a task that has not been sent: a step of its own, and a part of larger canvases. */
export interface Signature<I, out O> extends Canvas<I, O> {
  readonly taskName: string
  /** With other settings than the task's; later ones win. */
  set(settings: SignatureSettings): Signature<I, O>
  allowFailure(): Signature<I, O | null>
  continueOnFailure(): Signature<I, O | WorkflowFailure>
  /** A step to run when this one has failed for good, also where that is allowed. */
  onError(step: Step<WorkflowFailure, unknown>): Signature<I, O>
  /** A step to run beside the next ones when this one has succeeded. It gets the result. */
  onSuccess(step: Step<O, unknown>): Signature<I, O>
}
