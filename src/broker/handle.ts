import { milliseconds } from '../core/duration.ts'
import { rebuildError } from '../core/error-data.ts'
import {
  ResultTimeoutError,
  TaskCancelledError,
  TaskDeadError,
  TaskFailedError,
} from '../core/errors.ts'
import type { ResultRecord, TaskResult } from '../core/result.ts'
import type { TaskStatus } from '../core/states.ts'
import { cancelTasks } from './cancel.ts'
import type { BrokerRuntime } from './runtime.ts'
import { parseBySchema } from './schema-check.ts'
import type { TaskHandle, WaitOptions } from './task-handle.ts'
import type { Schema } from './task-options.ts'

/** What a handle is made of. */
export interface HandleOf {
  readonly id: string
  readonly isDuplicate: boolean
  /** Parses the value, for remote tasks. */
  readonly output: Schema | undefined
}

/** The handle of a message. Holds no resource; any number may exist for one id. */
export function makeHandle(
  runtime: BrokerRuntime,
  { id, isDuplicate, output }: HandleOf,
): TaskHandle<unknown> {
  const outcome = async (options: WaitOptions | undefined): Promise<ResultRecord> => {
    await runtime.start()
    return runtime.resultCodec.decodeResult(await waitFor(runtime, id, options))
  }
  const valueOf = (record: ResultRecord): Promise<unknown> =>
    output === undefined
      ? Promise.resolve(record.value)
      : parseBySchema(output, record.value, `the result of task ${id}`)
  return {
    taskId: id,
    isDuplicate,
    async result(options) {
      const record = await outcome(options)
      if (record.status === 'succeeded') return valueOf(record)
      throw failure(id, record)
    },
    async waitResult(options): Promise<TaskResult<unknown>> {
      const record = await outcome(options)
      const { status, executionTime, labels } = record
      if (status === 'succeeded') {
        return {
          status,
          executionTime,
          labels,
          isErr: false,
          returnValue: await valueOf(record),
          error: null,
        }
      }
      return {
        status,
        executionTime,
        labels,
        isErr: true,
        returnValue: null,
        error: failure(id, record),
      }
    },
    async status() {
      await runtime.start()
      return statusOf(runtime, id)
    },
    async progress() {
      await runtime.start()
      const [body] = await runtime.results.getProgress([id])
      return body === undefined || body === null ? null : runtime.resultCodec.decodeProgress(body)
    },
    async cancel(reason = 'cancelled by the caller') {
      await runtime.start()
      const [cancelled = false] = await cancelTasks(runtime, [id], reason)
      return cancelled
    },
  }
}

async function waitFor(
  runtime: BrokerRuntime,
  id: string,
  options: WaitOptions | undefined,
): Promise<string | Uint8Array> {
  const controller = new AbortController()
  const abort = (): void => controller.abort(options?.signal?.reason)
  if (options?.signal?.aborted === true) abort()
  options?.signal?.addEventListener('abort', abort, { once: true })
  const timer =
    options?.timeout === undefined
      ? undefined
      : runtime.surroundings.clock.after(milliseconds(options.timeout), () =>
          controller.abort(
            new ResultTimeoutError(
              `no result of task ${id} within ${String(options.timeout)}; it may still be waiting or running.`,
            ),
          ),
        )
  try {
    return await runtime.results.wait(id, { signal: controller.signal })
  } finally {
    timer?.cancel()
    options?.signal?.removeEventListener('abort', abort)
  }
}

/** The error that the caller sees, by the state in which the task ended. */
function failure(id: string, record: ResultRecord): Error {
  const cause = rebuildError(
    record.error ?? { name: 'Error', message: 'the task failed without an error' },
  )
  if (record.status === 'cancelled') {
    return new TaskCancelledError(cause.message.replace(/^the task was cancelled: /, ''), { cause })
  }
  if (record.status === 'dead') {
    const told = /^the message was set aside \((\w+)\): ([\s\S]*)$/.exec(cause.message)
    return new TaskDeadError(told?.[1] ?? 'rejected', told?.[2] ?? cause.message, { cause })
  }
  return new TaskFailedError(id, cause)
}

/** Messages first, results after: a message that ends in between is found as a result. */
async function statusOf(runtime: BrokerRuntime, id: string): Promise<TaskStatus | null> {
  const [state = null] = (await runtime.inspector?.states([id])) ?? []
  if (state !== null) return state
  const [body = null] = await runtime.results.get([id])
  return body === null ? null : runtime.resultCodec.decodeResult(body).status
}
