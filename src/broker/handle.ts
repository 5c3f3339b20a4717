import { AbortListeners } from '../coalescing/abort-listeners.ts'
import { milliseconds } from '../core/duration.ts'
import { ConflictError, ResultTimeoutError, UnsupportedError } from '../core/errors.ts'
import type { Body } from '../core/message.ts'
import type { Progress, ResultRecord, TaskResult } from '../core/result.ts'
import type { TaskStatus } from '../core/states.ts'
import { cancelChildren } from './cancel-where.ts'
import { cancelTasks } from './cancel.ts'
import { outcomeError } from './outcome-errors.ts'
import type { RegisteredTask } from './registry.ts'
import type { BrokerRuntime } from './runtime.ts'
import { parseBySchema } from './schema-check.ts'
import type { CancelOptions, TaskHandle, WaitOptions } from './task-handle.ts'
import { sentNew, type SendConflict, type Sent } from './unique-policy.ts'

/** The signal of waits that nothing ends: making one for each costs more than the rest of a wait. */
const endless = new AbortController().signal
/** Waits that share a signal share one listener on it. */
const aborts = new AbortListeners()

/** The handle of a message of which its id is known, and its task where that is. Holds no resource; any number may exist for one id. */
export function makeHandle(
  runtime: BrokerRuntime,
  id: string,
  task?: RegisteredTask,
): TaskHandle<unknown> {
  return new Handle({ runtime, task }, sentNew(id))
}

/** The handle of a message that was just sent. */
export function handleOf(of: HandleOf, sent: Sent): TaskHandle<unknown> {
  return new Handle(of, sent)
}

/** What handles of one call have in common. */
export interface HandleOf {
  readonly runtime: BrokerRuntime
  /** `undefined` where only the id is known. */
  readonly task: RegisteredTask | undefined
}

/** A class: one is made for each message that is sent, and few are ever asked for anything. */
class Handle implements TaskHandle<unknown> {
  readonly taskId: string
  readonly isDuplicate: boolean
  readonly conflict: SendConflict | undefined
  readonly #of: HandleOf

  constructor(of: HandleOf, { id, isDuplicate, conflict }: Sent) {
    this.taskId = id
    this.isDuplicate = isDuplicate
    this.conflict = conflict
    this.#of = of
  }

  async result(options?: WaitOptions): Promise<unknown> {
    const record = await this.#outcome(options)
    if (record.status === 'succeeded') return this.#valueOf(record)
    throw outcomeError(this.taskId, record)
  }

  async waitResult(options?: WaitOptions): Promise<TaskResult<unknown>> {
    const record = await this.#outcome(options)
    const { status, executionTime, labels } = record
    const facts = { status, executionTime, labels }
    if (status === 'succeeded')
      return { ...facts, isErr: false, returnValue: await this.#valueOf(record), error: null }
    return { ...facts, isErr: true, returnValue: null, error: outcomeError(this.taskId, record) }
  }

  async status(): Promise<TaskStatus | null> {
    await this.#of.runtime.start()
    return statusOf(this.#of.runtime, this.taskId)
  }

  async progress(): Promise<Progress | null> {
    const { results, resultCodec } = this.#of.runtime
    await this.#of.runtime.start()
    const [body = null] = await results.getProgress([this.taskId])
    return body === null ? null : resultCodec.decodeProgress(body)
  }

  async cancel(reason = 'cancelled by the caller', options: CancelOptions = {}): Promise<boolean> {
    const ids = [this.taskId]
    await this.#of.runtime.start()
    const [cancelled = false] = await cancelTasks(this.#of.runtime, ids, reason)
    if (options.children === true) await cancelChildren(this.#of.runtime, ids, reason)
    return cancelled
  }

  async #outcome(options: WaitOptions | undefined): Promise<ResultRecord> {
    const { conflict } = this
    if (conflict?.kind === 'dropped')
      throw new ConflictError(this.#of.task?.name ?? '', conflict.id)
    checkKept(this.#of.runtime, this.#of.task)
    return this.#of.runtime.resultCodec.decodeResult(
      await waitFor(this.#of.runtime, this.taskId, options),
    )
  }

  async #valueOf({ value }: ResultRecord): Promise<unknown> {
    const output = this.#of.task?.output
    return output === undefined
      ? value
      : parseBySchema(output, value, `the result of task ${this.taskId}`)
  }
}

/** Waiting for a result that nobody keeps would never end. What a remote task keeps is not known here. */
function checkKept(runtime: BrokerRuntime, task: RegisteredTask | undefined): void {
  if (task?.handler === undefined || runtime.resultTtlOf(task) !== undefined) return
  throw new UnsupportedError(
    `task '${task.name}' keeps no results (\`result: false\` of the task or \`resultExpiresIn: false\` of the broker), so there is nothing to wait for. Let it keep them, if only for a minute: result: { expiresIn: '1m' }.`,
  )
}

async function waitFor(
  runtime: BrokerRuntime,
  id: string,
  options: WaitOptions | undefined,
): Promise<Body> {
  if (options?.timeout === undefined && options?.signal === undefined) {
    await runtime.start()
    return runtime.results.wait(id, { signal: endless })
  }
  const timeout = options.timeout === undefined ? undefined : milliseconds(options.timeout)
  const controller = new AbortController()
  const { signal } = controller
  const caller = options.signal
  const abort = (): void => controller.abort(caller?.reason)
  if (caller?.aborted === true) abort()
  else if (caller !== undefined) aborts.add(caller, abort)
  const timer =
    timeout === undefined
      ? undefined
      : runtime.surroundings.clock.after(timeout, () =>
          controller.abort(
            new ResultTimeoutError(
              `no result of task ${id} within ${String(options.timeout)}; it may still be waiting or running.`,
            ),
          ),
        )
  try {
    // A store that cannot be opened must not outlast the caller's patience.
    await Promise.race([runtime.start(), rejectedBy(signal)])
    if (timeout === 0) {
      // No time to wait, but what is there already is given.
      const [body = null] = await runtime.results.get([id])
      if (body !== null) return body
    }
    return await runtime.results.wait(id, { signal })
  } finally {
    timer?.cancel()
    if (caller !== undefined) aborts.remove(caller, abort)
  }
}

function rejectedBy(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason as Error)
    else signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
  })
}

/** Messages first, results after: a message that ends in between is found as a result. */
async function statusOf(runtime: BrokerRuntime, id: string): Promise<TaskStatus | null> {
  const [state = null] = (await runtime.inspector?.states([id])) ?? []
  if (state !== null) return state
  const [body = null] = await runtime.results.get([id])
  return body === null ? null : runtime.resultCodec.decodeResult(body).status
}
