import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { Worker as Thread } from 'node:worker_threads'
import type { TaskContext } from '../core/context.ts'
import { errorData, rebuildError } from '../core/error-data.ts'
import {
  NonRetryableError,
  RetryRequestedError,
  TaskRejectedError,
  type TaskwrightError,
  UnsupportedError,
} from '../core/errors.ts'
import type { RegisteredTask } from '../broker/registry.ts'
import type { FromIsolated, IsolatedCall, ToIsolated } from './isolate-messages.ts'

/**
 * A thread or process with one message line to it. Both are loaded anew for each run: nothing leaks
 * from one run to the next, and killing it harms nobody else. Costs some 50–100 ms a run.
 */
interface Line {
  send(message: ToIsolated): void
  onMessage(handle: (message: FromIsolated) => void): void
  /** Called once when it is gone, with how. */
  onEnd(handle: (how: string) => void): void
  kill(): void
}

// Threads and processes cannot run TypeScript on Node 20: from the sources, the built file is taken.
const entry = new URL(
  import.meta.url.endsWith('.ts') ? '../../dist/worker/isolated-entry.js' : './isolated-entry.js',
  import.meta.url,
)

/**
 * Runs a handler in a thread or process of its own. When the run is interrupted (timeout, cancel,
 * lost lease, shutdown) it is told; `kill` ends it whatever it does, and rejects the promise.
 *
 * @throws what the handler threw, rebuilt from data; an Error when the thread or process died.
 */
export function runIsolated(
  task: RegisteredTask,
  context: TaskContext,
  positional: readonly unknown[],
): { readonly end: Promise<unknown>; kill(): void } {
  const file = task.definedAt?.file
  if (file === undefined)
    throw new UnsupportedError(`task '${task.name}' is isolated, but its module is not known.`)
  const line = task.isolate === 'process' ? processLine() : threadLine()
  const end = new Promise<unknown>((resolve, reject) => {
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
      else void keepProgress(context, line, message)
    })
  })
  const abort = (): void => line.send({ kind: 'abort', reason: errorData(context.signal.reason) })
  if (context.signal.aborted) abort()
  context.signal.addEventListener('abort', abort, { once: true })
  line.send(callOf({ file, task: task.name, context, positional }))
  const ended = end.finally(() => {
    context.signal.removeEventListener('abort', abort)
    line.kill()
  })
  return { end: ended, kill: () => line.kill() }
}

function callOf(call: {
  file: string
  task: string
  context: TaskContext
  positional: readonly unknown[]
}): IsolatedCall {
  const { taskId, queue, attempt, redeliveries, labels, args, input, parentId, rootId } =
    call.context
  return {
    kind: 'call',
    file: call.file,
    task: call.task,
    positional: call.positional,
    context: { taskId, queue, attempt, redeliveries, labels, args, input, parentId, rootId },
  }
}

async function keepProgress(
  context: TaskContext,
  line: Line,
  { call, state, meta }: Extract<FromIsolated, { kind: 'progress' }>,
): Promise<void> {
  try {
    await context.progress(state, meta)
    line.send({ kind: 'kept', call, error: undefined })
  } catch (error) {
    line.send({ kind: 'kept', call, error: errorData(error) })
  }
}

/** Our own errors steer the worker (retry, reject), so they come back as what they were; others as data. */
function rebuild({ error, retryDelay }: Extract<FromIsolated, { kind: 'error' }>): Error {
  const cause = error.cause === undefined ? undefined : rebuildError(error.cause)
  const options = cause === undefined ? {} : { cause }
  const made = ((): TaskwrightError | undefined => {
    if (error.code === 'RETRY_REQUESTED') return new RetryRequestedError(retryDelay, options)
    if (error.code === 'TASK_REJECTED') return new TaskRejectedError(error.message)
    if (error.code === 'NON_RETRYABLE') return new NonRetryableError(error.message, options)
    return undefined
  })()
  if (made === undefined) return rebuildError(error)
  if (error.stack !== undefined) made.stack = error.stack
  return made
}

function threadLine(): Line {
  const thread = new Thread(entry)
  let gone = false
  return {
    // A thread that has ended takes no more messages; its end is told by onEnd.
    send: (message) => (gone ? undefined : thread.postMessage(message)),
    onMessage: (handle) => void thread.on('message', handle),
    onEnd(handle) {
      thread.on('error', (error) => handle(error instanceof Error ? error.message : String(error)))
      thread.on('exit', (code) => {
        gone = true
        handle(`exit code ${code}`)
      })
    },
    kill: () => void thread.terminate(),
  }
}

function processLine(): Line {
  const child = fork(fileURLToPath(entry), [], { serialization: 'advanced', execArgv: [] })
  return {
    send: (message) => void (child.connected && child.send(message, () => {})),
    onMessage: (handle) => void child.on('message', (message) => handle(message as FromIsolated)),
    onEnd(handle) {
      child.on('error', (error) => handle(error.message))
      child.on('exit', (code, signal) =>
        handle(signal === null ? `exit code ${String(code)}` : signal),
      )
    },
    kill: () => void child.kill('SIGKILL'),
  }
}
