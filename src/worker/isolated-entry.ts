/**
 * The inside of an isolated run: loads the module of the task, runs the handler once, answers.
 *
 * @module
 */
import { inspect } from 'node:util'
import { parentPort } from 'node:worker_threads'
import { errorData } from '../core/error-data.ts'
import { NonRetryableError, RetryRequestedError, isTaskwrightError } from '../core/errors.ts'
import { logTo, type LogFields, type LogLevel } from '../core/logger.ts'
import { taskiqJson } from '../codecs/taskiq-json.ts'
import { fromTravel } from '../broker/arguments.ts'
import { registrationKey } from '../broker/define-task.ts'
import { enterIsolation } from '../broker/isolation.ts'
import { Lineage, lineOf } from '../broker/lineage.ts'
import type { AnyHandler, RegisteredTask } from '../broker/registry.ts'
import { DependencyContainer } from '../dependencies/container.ts'
import { providerError } from '../dependencies/provider-error.ts'
import type { FromIsolated, IsolatedCall, ToIsolated } from './isolate-messages.ts'
import { Asking, isolatedContext } from './isolated-context.ts'
import { loadModule } from './load-module.ts'

const asking = new Asking(answer)

function answer(message: FromIsolated): void {
  if (parentPort !== null) parentPort.postMessage(message)
  else process.send?.(message)
}

function take(message: ToIsolated): void {
  if (message.kind === 'call') {
    void run(message)
    return
  }
  asking.heard(message)
}

enterIsolation()
if (parentPort !== null) parentPort.on('message', take)
else {
  process.on('message', (message) => take(message as ToIsolated))
  // A worker that died leaves nobody to answer to.
  process.on('disconnect', () => process.exit(0))
  // Whoever signals all processes of a service means the worker: it says when this run ends.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})
}

async function run(call: IsolatedCall): Promise<void> {
  try {
    answer({ kind: 'value', value: travelling(call, await handle(call)) })
  } catch (error) {
    answer(failure(error))
  }
}

async function handle(call: IsolatedCall): Promise<unknown> {
  const { message } = call
  const task = await find(call)
  const { positional, input } = await fromTravel(task, message)
  const lineage = new Lineage(call.lineage)
  const start = (...args: unknown[]): unknown =>
    lineage.run(lineOf(message), () => task.handler(...args))
  const { deps } = task
  if (deps === undefined) return start(...positional)
  const container = new DependencyContainer()
  const value = await container.use({
    context: isolatedContext({ call, task, input, asking, logger: logTo(log) }),
    body: async (scope) => start(await scope.resolve(deps), ...positional),
  })
  await container.close()
  return value
}

async function find({
  file,
  message,
}: IsolatedCall): Promise<RegisteredTask & { handler: AnyHandler }> {
  const module = await loadModule(file)
  for (const exported of Object.values(module)) {
    if ((typeof exported !== 'function' && typeof exported !== 'object') || exported === null)
      continue
    const registration = (exported as { [registrationKey]?: RegisteredTask })[registrationKey]
    if (registration?.handler === undefined) continue
    if ([registration.name, ...registration.aliases].includes(message.task))
      return { ...registration, handler: registration.handler }
  }
  throw new NonRetryableError(
    `task '${message.task}' is isolated, so ${file} must export it: write \`export const … = broker.task(…)\`.`,
  )
}

// How much may travel is the worker's own codec to say.
const plainCodec = taskiqJson({ richTypes: true, maxBytes: 2 ** 30, maxDepth: 500, maxKeys: 1e7 })

/** The value as it was, when it can travel: between threads more passes than a queue may carry, and silently changed. */
function travelling({ plain, message }: IsolatedCall, value: unknown): unknown {
  try {
    if (plain) {
      const record = { status: 'succeeded', executionTime: 0, labels: {}, error: null } as const
      plainCodec.encodeResult({ ...record, value })
    } else structuredClone(value)
    return value
  } catch (error) {
    throw new NonRetryableError(
      `the result of task '${message.task}' cannot be stored: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    )
  }
}

/** What a provider of a dependency threw steers the worker as the handler's own does. */
function failure(thrown: unknown): FromIsolated {
  const inner = providerError(thrown)
  const codes = ['RETRY_REQUESTED', 'TASK_REJECTED', 'TASK_SKIPPED', 'NON_RETRYABLE'] as const
  const steers = codes.some((code) => isTaskwrightError(inner, code))
  const error = steers ? inner : thrown
  const retryDelay = error instanceof RetryRequestedError ? error.delay : undefined
  return {
    kind: 'error',
    error: errorData(error),
    ...(retryDelay === undefined ? {} : { retryDelay }),
  }
}

function log(level: LogLevel, message: string, fields: LogFields): void {
  try {
    answer({ kind: 'log', level, message, fields })
  } catch {
    // A field that cannot be cloned (a function, a socket) must not fail the task that logs it.
    answer({ kind: 'log', level, message, fields: { fields: inspect(fields) } })
  }
}
