import type { TaskContext } from '../core/context.ts'
import { milliseconds } from '../core/duration.ts'
import { RetryRequestedError, TaskRejectedError, UnsupportedError } from '../core/errors.ts'
import { rateLimit } from './rate-limits.ts'
import type { RegisteredTask } from './registry.ts'
import type { BrokerRuntime } from './runtime.ts'
import { outsideWorkflow } from './canvas/outside-workflow.ts'
import { parseBySchema } from './schema-check.ts'
import { takeLock } from './take-lock.ts'

/** Runs a handler here: input validated, dependencies in a fresh task scope, a synthetic context. */
export async function callDirectly(
  runtime: BrokerRuntime,
  task: RegisteredTask,
  args: readonly unknown[],
): Promise<unknown> {
  const { handler } = task
  if (handler === undefined)
    throw new UnsupportedError(`task '${task.name}' is remote: it can be sent, not called.`)
  const input =
    task.input === undefined
      ? undefined
      : await parseBySchema(task.input, args[0], `the input of task '${task.name}'`)
  const positional = task.input === undefined ? args : [input]
  if (task.deps === undefined) return handler(...positional)
  const { deps } = task
  return runtime.container.use({
    context: syntheticContext(runtime, task, { args, input }),
    body: async (scope) => handler(await scope.resolve(deps), ...positional),
    onTearDownError: (error) =>
      runtime.surroundings.logger.error('a dependency failed to be torn down', {
        task: task.name,
        error,
      }),
  })
}

function syntheticContext(
  runtime: BrokerRuntime,
  task: RegisteredTask,
  { args, input }: { args: readonly unknown[]; input: unknown },
): TaskContext {
  const id = runtime.ids()
  return {
    taskId: id,
    taskName: task.name,
    queue: task.queue ?? runtime.defaultQueue,
    attempt: 1,
    redeliveries: 0,
    labels: task.labels,
    args: task.input === undefined ? args : [],
    input,
    parentId: undefined,
    rootId: undefined,
    runId: undefined,
    signal: new AbortController().signal,
    logger: runtime.surroundings.logger.child({ task: task.name, id }),
    progress: () => Promise.resolve(),
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
    ...outsideWorkflow('a task that is called directly is no step of a workflow'),
    // Locks hold wherever a handler runs; a call that has no message keeps no steps.
    lock: (key, lockOptions = {}) => {
      const { ifLocked = 'wait', ...rest } = lockOptions
      return takeLock(runtime, key, {
        ...rest,
        wait: rest.wait ?? (ifLocked === 'wait' ? undefined : 0),
      })
    },
    limit: (name, key) => rateLimit(runtime, name, { key }),
    once: async (_, step) => step(),
    commit: () => {
      throw new UnsupportedError(
        'a task that is called directly has no message to finish: ctx.commit works in a worker.',
      )
    },
  }
}
