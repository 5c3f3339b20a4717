/**
 * The inside of an isolated run: loads the module of the task, runs the handler once, answers.
 *
 * @module
 */
import { parentPort } from 'node:worker_threads'
import type { TaskContext } from '../core/context.ts'
import { milliseconds } from '../core/duration.ts'
import { errorData, rebuildError } from '../core/error-data.ts'
import {
  DefinitionError,
  RetryRequestedError,
  TaskRejectedError,
  UnsupportedError,
} from '../core/errors.ts'
import { logTo } from '../core/logger.ts'
import { registrationKey } from '../broker/define-task.ts'
import type { RegisteredTask } from '../broker/registry.ts'
import { DependencyContainer } from '../dependencies/container.ts'
import type { FromIsolated, IsolatedCall, ToIsolated } from './isolate-messages.ts'
import { loadModule } from './load-module.ts'

const controller = new AbortController()
const pending = new Map<number, { resolve: () => void; reject: (error: Error) => void }>()

function answer(message: FromIsolated): void {
  if (parentPort !== null) parentPort.postMessage(message)
  else process.send?.(message)
}

function take(message: ToIsolated): void {
  if (message.kind === 'call') void run(message)
  else if (message.kind === 'abort') controller.abort(rebuildError(message.reason))
  else {
    const waiting = pending.get(message.call)
    pending.delete(message.call)
    if (message.error === undefined) waiting?.resolve()
    else waiting?.reject(rebuildError(message.error))
  }
}

if (parentPort !== null) parentPort.on('message', take)
else {
  process.on('message', (message) => take(message as ToIsolated))
  // A worker that died leaves nobody to answer to.
  process.on('disconnect', () => process.exit(0))
}

async function run(call: IsolatedCall): Promise<void> {
  try {
    const { handler, deps } = await find(call)
    const container = new DependencyContainer()
    const value = await (deps === undefined
      ? handler(...call.positional)
      : container.use({
          context: contextOf(call),
          body: async (scope) => handler(await scope.resolve(deps), ...call.positional),
        }))
    await container.close()
    answer({ kind: 'value', value })
  } catch (error) {
    const delay = error instanceof RetryRequestedError ? error.delay : undefined
    answer({
      kind: 'error',
      error: errorData(error),
      ...(delay === undefined ? {} : { retryDelay: delay }),
    })
  }
}

async function find({
  file,
  task,
}: IsolatedCall): Promise<RegisteredTask & { handler: (...args: unknown[]) => unknown }> {
  const module = await loadModule(file)
  for (const exported of Object.values(module)) {
    if ((typeof exported !== 'function' && typeof exported !== 'object') || exported === null)
      continue
    const registration = (exported as { [registrationKey]?: RegisteredTask })[registrationKey]
    if (registration?.name === task && registration.handler !== undefined) {
      return { ...registration, handler: registration.handler }
    }
  }
  throw new DefinitionError(
    `task '${task}' is isolated, so ${file} must export it: write \`export const … = broker.task(…)\`.`,
  )
}

let calls = 0

function contextOf({ task, context }: IsolatedCall): TaskContext {
  return {
    ...context,
    taskName: task,
    signal: controller.signal,
    logger: logTo((level, message, fields) => answer({ kind: 'log', level, message, fields })),
    progress: (state, meta = null) =>
      new Promise((resolve, reject) => {
        const number = ++calls
        pending.set(number, { resolve, reject })
        answer({ kind: 'progress', call: number, state, meta })
      }),
    retry: (options) => {
      const delay = options?.delay === undefined ? undefined : milliseconds(options.delay)
      throw new RetryRequestedError(
        delay,
        options?.cause === undefined ? {} : { cause: options.cause },
      )
    },
    reject: (reason) => {
      throw new TaskRejectedError(reason)
    },
    commit: () => {
      throw new UnsupportedError(
        'ctx.commit does not reach out of an isolated task: the transaction would be in another process.',
      )
    },
  }
}
