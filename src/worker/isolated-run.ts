import type { TaskContext } from '../core/context.ts'
import { rebuildError } from '../core/error-data.ts'
import {
  NonRetryableError,
  RetryRequestedError,
  TaskRejectedError,
  TaskSkippedError,
  type TaskwrightError,
  UnsupportedError,
} from '../core/errors.ts'
import type { Message } from '../core/message.ts'
import type { RegisteredTask } from '../broker/registry.ts'
import type { BrokerRuntime } from '../broker/runtime.ts'
import type { FromIsolated, IsolatedCall } from './isolate-messages.ts'
import { IsolatedAsks } from './isolated-asks.ts'
import { processLine, threadLine, type IsolatedLine } from './isolated-line.ts'

/** What runs isolated. */
export interface IsolatedRun {
  readonly runtime: BrokerRuntime
  readonly task: RegisteredTask
  readonly message: Message
  /** Its signal kills the run; its progress and logger are the run's. */
  readonly context: TaskContext
}

/**
 * Runs a handler in a thread or process of its own. When the run is interrupted (timeout, cancel,
 * lost lease, shutdown) it is killed, whatever it does.
 *
 * @throws what the handler threw, rebuilt from data; an Error when the thread or process died.
 */
export async function runIsolated(
  run: IsolatedRun,
  open: () => IsolatedLine = run.task.isolate === 'process' ? processLine : threadLine,
): Promise<unknown> {
  const { task, context } = run
  const { signal } = context
  const file = task.definedAt?.file
  if (file === undefined)
    throw new UnsupportedError(`task '${task.name}' is isolated, but its module is not known.`)
  if (signal.aborted) throw signal.reason
  const line = open()
  const asks = new IsolatedAsks(context, line)
  const kill = (): void => line.kill()
  signal.addEventListener('abort', kill, { once: true })
  try {
    return await new Promise<unknown>((resolve, reject) => {
      line.onEnd((how) =>
        reject(
          new Error(`the isolated ${task.isolate ?? 'run'} of task '${task.name}' died (${how}).`),
        ),
      )
      line.onMessage((message) => {
        if (message.kind === 'value') resolve(message.value)
        else if (message.kind === 'error') reject(rebuild(message))
        else if (message.kind === 'log')
          context.logger[message.level](message.message, message.fields)
        else if (message.kind === 'made') asks.made(message)
        else void asks.ask(message)
      })
      line.send(callOf(run, file))
    })
  } finally {
    signal.removeEventListener('abort', kill)
    line.kill()
    asks.close()
  }
}

function callOf({ runtime, message, context }: IsolatedRun, file: string): IsolatedCall {
  const { queue, attempt, redeliveries } = context
  return {
    kind: 'call',
    file,
    message,
    queue,
    attempt,
    redeliveries,
    lineage: runtime.options.lineage ?? true,
    plain: runtime.resultCodec.name.startsWith('taskiq-json'),
  }
}

/** Our own errors steer the worker (retry, reject), so they come back as what they were; others as data. */
function rebuild({ error, retryDelay }: Extract<FromIsolated, { kind: 'error' }>): Error {
  const cause = error.cause === undefined ? undefined : rebuildError(error.cause)
  const options = cause === undefined ? {} : { cause }
  const made = ((): TaskwrightError | undefined => {
    if (error.code === 'RETRY_REQUESTED') return new RetryRequestedError(retryDelay, options)
    if (error.code === 'TASK_REJECTED') return new TaskRejectedError(error.message)
    if (error.code === 'TASK_SKIPPED') return new TaskSkippedError(error.message, options)
    if (error.code === 'NON_RETRYABLE') return new NonRetryableError(error.message, options)
    return undefined
  })()
  if (made === undefined) return rebuildError(error)
  if (error.stack !== undefined) made.stack = error.stack
  return made
}
