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
import type { SendConflict } from './unique-policy.ts'

/** What a handle is made of. */
export interface HandleOf {
  readonly id: string
  readonly isDuplicate: boolean
  readonly conflict?: SendConflict | undefined
  /** `undefined` where only the id is known. */
  readonly task: RegisteredTask | undefined
}

/** The signal of waits that nothing ends: making one for each costs more than the rest of a wait. */
const endless = new AbortController().signal
/** Waits that share a signal share one listener on it. */
const aborts = new AbortListeners()

/** The handle of a message. Holds no resource; any number may exist for one id. */
export function makeHandle(runtime: BrokerRuntime, of: HandleOf): TaskHandle<unknown> {
  return new Handle(runtime, of)
}

/** A class: one is made for each message that is sent, and few are ever asked for anything. */
class Handle implements TaskHandle<unknown> {
  readonly taskId: string
  readonly isDuplicate: boolean
  readonly conflict: SendConflict | undefined
  readonly #runtime: BrokerRuntime
  readonly #task: RegisteredTask | undefined

  constructor(runtime: BrokerRuntime, { id, isDuplicate, conflict, task }: HandleOf) {
    this.taskId = id
    this.isDuplicate = isDuplicate
    this.conflict = conflict
    this.#runtime = runtime
    this.#task = task
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
    await this.#runtime.start()
    return statusOf(this.#runtime, this.taskId)
  }

  async progress(): Promise<Progress | null> {
    const { results, resultCodec } = this.#runtime
    await this.#runtime.start()
    const [body = null] = await results.getProgress([this.taskId])
    return body === null ? null : resultCodec.decodeProgress(body)
  }

  async cancel(reason = 'cancelled by the caller', options: CancelOptions = {}): Promise<boolean> {
    const ids = [this.taskId]
    await this.#runtime.start()
    const [cancelled = false] = await cancelTasks(this.#runtime, ids, reason)
    if (options.children === true) await cancelChildren(this.#runtime, ids, reason)
    return cancelled
  }

  async #outcome(options: WaitOptions | undefined): Promise<ResultRecord> {
    const { conflict } = this
    if (conflict?.kind === 'dropped') throw new ConflictError(this.#task?.name ?? '', conflict.id)
    checkKept(this.#runtime, this.#task)
    return this.#runtime.resultCodec.decodeResult(
      await waitFor(this.#runtime, this.taskId, options),
    )
  }

  async #valueOf({ value }: ResultRecord): Promise<unknown> {
    const output = this.#task?.output
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
