import type { Dependencies, Injected } from '../core/dependency.ts'
import type { HeldLock, LockOptions } from '../core/held-lock.ts'
import type { Inspector } from '../core/inspector.ts'
import type { RateLimit, RateOptions } from '../core/rate-limit.ts'
import type { DependencyOverrides } from '../dependencies/overrides.ts'
import type { NoInput } from '../core/step.ts'
import type { MessageFilter } from './cancel-where.ts'
import type { BrokerIdentity } from './broker-identity.ts'
import type { Canvas } from './canvas/canvas.ts'
import type { WorkflowPage } from './canvas/list-workflows.ts'
import type { CanvasPlan } from './canvas/plan.ts'
import type { WorkflowHandle, WorkflowSummary } from './canvas/workflow-handle.ts'
import type { Control } from './control.ts'
import type { DeadLetters } from './dead-letters.ts'
import type { SharedTasks } from './shared-tasks.ts'
import type { Sendable } from './task.ts'
import type { TaskDefiner } from './task-definer.ts'
import type { CancelOptions, TaskHandle } from './task-handle.ts'
import type { In, Out, ParamNames, Schema } from './task-options.ts'

/** What the user makes: registry, middlewares, dependencies and life cycle on top of a transport. */
export interface Broker extends TaskDefiner, BrokerIdentity, AsyncDisposable {
  /** The name of its transport and where it is, for logs; without secrets. */
  readonly description: string
  /** A task whose code lives elsewhere, perhaps in Python: it can be sent, not run. With `params` the arguments travel by name. */
  remoteTask<A extends readonly unknown[], R>(
    options:
      | string
      | { name: string; params?: ParamNames<A> | undefined; queue?: string | undefined },
  ): Sendable<A, R>
  remoteTask<I extends Schema, O extends Schema>(options: {
    name: string
    input: I
    output: O
    queue?: string | undefined
  }): Sendable<[input: In<I>], Out<O>>
  /** Takes in tasks that were defined without a broker. The first broker that does is the one they send through. */
  include(tasks: SharedTasks): void
  /** The handle of a message that was sent by anybody. */
  handle<R = unknown>(taskId: string): TaskHandle<R>
  /** The handle of a workflow that was sent by anybody. */
  workflow<R = unknown>(runId: string): WorkflowHandle<R>
  /** Workflows that are kept, newest first. */
  workflows(page?: WorkflowPage): Promise<readonly WorkflowSummary[]>
  /** A canvas of its data (see {@link Canvas.toJSON}), to be sent through this broker. */
  canvas(plan: CanvasPlan): Canvas<NoInput, unknown>
  /**
   * Cancels messages by id; one answer each, as {@link TaskHandle.cancel} gives.
   */
  cancel(ids: readonly string[], reason?: string): Promise<readonly boolean[]>
  /**
   * Cancels all messages that fit, waiting or running; their ids. Messages that are sent meanwhile may be missed.
   * With `children` also what these have sent, as {@link TaskHandle.cancel} does.
   * @throws UnsupportedError where the transport cannot be inspected.
   */
  cancelWhere(
    filter: MessageFilter,
    reason?: string,
    options?: CancelOptions,
  ): Promise<readonly string[]>
  /** Cancels all that waits in a queue, scheduled messages included; returns how many. Each leaves a result that says so. */
  purge(queue: string): Promise<number>
  /**
   * Takes a lock over all processes on this store, as `ctx.lock` does in a task. Give it back yourself:
   * `await using lock = await broker.lock('key')`.
   * @throws LockedError, UnsupportedError, InvalidInputError
   */
  lock(key: string, options?: LockOptions): Promise<HeldLock>
  /**
   * Sets how many messages of a task run at once, over all processes, in place of what its `concurrency`
   * says; `null` lets that hold again. With `key`: of that key. Durable, and at once.
   * @throws UnsupportedError where the transport knows no limits; InvalidInputError
   */
  setConcurrency(
    task: { readonly name: string } | string,
    limit: number | null,
    key?: string,
  ): Promise<void>
  /** A rate of the broker's `limits`, as `ctx.limit` in a task. @throws InvalidInputError, UnsupportedError */
  limit(name: string, key?: string): RateLimit
  /**
   * Sets a rate of `limits` for all processes, durably; `null` lets the code's hold again. With `key`: of
   * that key. The rate of a task goes by `TASK|rate`.
   * @throws InvalidInputError, UnsupportedError
   */
  setRate(name: string, rate: RateOptions | null, key?: string): Promise<void>
  /** Talks to running workers: ping, stats, active tasks, shutdown, scale, pause. @throws UnsupportedError */
  readonly control: Control
  /** Looks into the store. @throws UnsupportedError where the transport cannot. */
  readonly inspector: Inspector
  /** Dead letters: search, retry with edited arguments, delete, retention. @throws UnsupportedError where the transport cannot be inspected. */
  readonly deadLetters: DeadLetters
  /** Puts dead letters back into their queues with a fresh retry budget; returns the ids that were there. */
  retryDead(ids: readonly string[]): Promise<readonly string[]>
  /**
   * Dependencies outside a task (a web handler, a script): resolved in a task scope of their own that
   * is torn down when `use` ends, told of its error. `TaskContext` is not to be had here.
   */
  scope<T>(
    use: (resolve: <D extends Dependencies>(deps: D) => Promise<Injected<D>>) => Promise<T>,
  ): Promise<T>
  /** Other providers for tests. */
  readonly dependencyOverrides: DependencyOverrides
  /** Opens the store. Called by itself on first use; idempotent. */
  start(): Promise<void>
  /** Closes everything, process dependencies included. Idempotent. A stopped broker cannot be started again. */
  stop(): Promise<void>
}
