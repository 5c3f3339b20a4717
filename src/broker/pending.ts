import { UnsupportedError } from '../core/errors.ts'
import { makeHandle } from './handle.ts'
import type { RegisteredTask } from './registry.ts'
import type { BrokerRuntime } from './runtime.ts'
import type { TaskHandle } from './task-handle.ts'
import { storedKey } from './unique-policy.ts'

/** The message of these arguments that waits or runs. @throws UnsupportedError */
export async function pending(
  runtime: BrokerRuntime,
  task: RegisteredTask,
  args: readonly unknown[],
): Promise<TaskHandle<unknown> | null> {
  const { inspector, transport } = runtime
  if (task.unique === undefined) {
    throw new UnsupportedError(
      `task '${task.name}' has no unique key to look for: give it \`unique\`, \`debounce\` or \`throttle\`.`,
    )
  }
  if (inspector === undefined)
    throw new UnsupportedError(`transport '${transport.name}' cannot be inspected.`)
  await runtime.start()
  const [id = null] = await inspector.keyHolders([storedKey(task, task.unique, args)])
  const [state = null] = id === null ? [] : await inspector.states([id])
  const ended = state === null || state === 'failed' || state === 'dead'
  return id === null || ended ? null : makeHandle(runtime, id, task)
}
