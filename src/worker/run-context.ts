import type { TaskContext, TaskLockOptions } from '../core/context.ts'
import { milliseconds, type Duration } from '../core/duration.ts'
import {
  LeaseLostError,
  RetryRequestedError,
  TaskRejectedError,
  UnsupportedError,
} from '../core/errors.ts'
import type { HeldLock } from '../core/held-lock.ts'
import type { Labels } from '../core/labels.ts'
import type { Logger } from '../core/logger.ts'
import type { Message } from '../core/message.ts'
import type { NoInput, Step } from '../core/step.ts'
import { expansionOf } from '../broker/canvas/expansion.ts'
import { readValues } from '../broker/canvas/read-value.ts'
import type { RateLimit } from '../core/rate-limit.ts'
import { rateLimit } from '../broker/rate-limits.ts'
import { settlementOf } from '../broker/finish.ts'
import type { RegisteredTask } from '../broker/registry.ts'
import type { BrokerRuntime } from '../broker/runtime.ts'
import type { Run } from './run.ts'
import { RunLocks } from './run-locks.ts'
import { RunSteps } from './run-steps.ts'

/** How long progress is kept where the task keeps no results. */
const progressTtl = 86_400_000

/** What a {@link RunContext} is about. */
export interface RunContextOf {
  readonly runtime: BrokerRuntime
  readonly run: Run
  readonly task: RegisteredTask
  readonly message: Message
  readonly input: unknown
}

/** The context of a run in a worker. */
export class RunContext implements TaskContext {
  readonly #of: RunContextOf
  #logger: Logger | undefined

  constructor(of: RunContextOf) {
    this.#of = of
  }

  get taskId(): string {
    return this.#of.message.id
  }
  get taskName(): string {
    return this.#of.task.name
  }
  get queue(): string {
    return this.#of.run.delivery.queue
  }
  get attempt(): number {
    return this.#of.run.attempt
  }
  get redeliveries(): number {
    return this.#of.run.delivery.redeliveries
  }
  get labels(): Labels {
    return this.#of.message.labels
  }
  get args(): readonly unknown[] {
    return this.#of.task.input === undefined ? this.#of.message.args : []
  }
  get input(): unknown {
    return this.#of.input
  }
  get parentId(): string | undefined {
    return text(this.labels['tw_parent'])
  }
  get rootId(): string | undefined {
    return text(this.labels['tw_root'])
  }
  get runId(): string | undefined {
    return text(this.labels['tw_run'])
  }
  get signal(): AbortSignal {
    return this.#of.run.signal
  }
  get logger(): Logger {
    const { runtime, run } = this.#of
    this.#logger ??= runtime.surroundings.logger.child({
      task: this.taskName,
      id: this.taskId,
      attempt: run.attempt,
    })
    return this.#logger
  }

  async progress(state: string, meta: unknown = null): Promise<void> {
    const { runtime, run, task } = this.#of
    this.#checkHeld('ctx.progress')
    const body = runtime.resultCodec.encodeProgress({ state, meta })
    const kept = await runtime.results.saveProgress(
      run.delivery,
      body,
      runtime.resultTtlOf(task) ?? progressTtl,
    )
    if (!kept)
      throw new LeaseLostError(
        `progress of task ${this.taskId} was refused: this worker does not hold it any more.`,
      )
  }

  retry(options?: { delay?: Duration | undefined; cause?: unknown }): never {
    const delay = options?.delay === undefined ? undefined : milliseconds(options.delay)
    throw new RetryRequestedError(
      delay,
      options?.cause === undefined ? {} : { cause: options.cause },
    )
  }

  reject(reason: string): never {
    throw new TaskRejectedError(reason)
  }

  lock(key: string, options: TaskLockOptions = {}): Promise<HeldLock> {
    const { runtime, run } = this.#of
    run.locks ??= new RunLocks(runtime)
    return run.locks.take(key, options, run.signal)
  }

  limit(name: string, key?: string): RateLimit {
    const { runtime, run } = this.#of
    return rateLimit(runtime, name, { key, signal: run.signal })
  }

  once<T>(key: string, step: () => T | Promise<T>): Promise<T> {
    const { runtime, run, task, message } = this.#of
    run.steps ??= new RunSteps({ runtime, task, id: message.id })
    return run.steps.once(key, step)
  }

  commit(transaction: unknown, value?: unknown): void | Promise<void> {
    const { runtime, run, task, message } = this.#of
    const { transactions } = runtime
    this.#checkHeld('ctx.commit')
    if (transactions === undefined || !runtime.resultsInSettle) {
      throw new UnsupportedError(
        `ctx.commit needs messages and results in the store of the user's own transaction; transport '${runtime.transport.name}' with results in '${runtime.results.name}' cannot do that.`,
      )
    }
    const settlement = settlementOf(runtime, {
      claim: run.delivery,
      outcome: { kind: 'succeeded' },
      task,
      record: {
        status: 'succeeded',
        value,
        executionTime: (runtime.surroundings.clock.monotonic() - run.startedAt) / 1000,
        labels: message.labels,
        error: null,
      },
    })
    const done = transactions.settleWithin(transaction, settlement)
    run.committed = true
    return done
  }

  expand<O>(steps: Step<NoInput, O>): O {
    this.#checkStep('ctx.expand')
    return expansionOf(steps)
  }

  replace<O>(step: Step<NoInput, O>): O {
    this.#checkStep('ctx.replace')
    return expansionOf(step)
  }

  async *inputs(): AsyncGenerator<unknown> {
    const { runtime, run } = this.#of
    const runId = this.#checkStep('ctx.inputs')
    if (run.source !== undefined) yield* readValues(runtime, runId, run.source)
  }

  #checkStep(what: string): string {
    if (this.runId !== undefined) return this.runId
    throw new UnsupportedError(
      `${what} needs a step of a workflow: send it as one, chain(task.s(…)).kiq().`,
    )
  }

  #checkHeld(what: string): void {
    if (!this.#of.run.acknowledged) return
    throw new UnsupportedError(
      `${what} needs a message that is still held; this worker acknowledges before it runs (ack: 'early').`,
    )
  }
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
