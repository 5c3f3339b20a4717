import { InvalidInputError } from '../core/errors.ts'
import { endDropped } from './cancel.ts'
import { handleOf } from './handle.ts'
import { prepare } from './kicker.ts'
import type { RegisteredTask } from './registry.ts'
import type { BrokerRuntime } from './runtime.ts'
import type { Outgoing } from './sender.ts'
import type { TaskHandle } from './task-handle.ts'
import { sentAs } from './unique-policy.ts'

/** `kiqMany`: every call is checked, and written down, before the first is stored. */
export async function sendMany(
  runtime: BrokerRuntime,
  task: RegisteredTask,
  calls: Iterable<readonly unknown[]>,
): Promise<TaskHandle<unknown>[]> {
  const write = (args: unknown): Outgoing | Promise<Outgoing> => {
    if (!Array.isArray(args)) {
      throw new InvalidInputError(
        `kiqMany of task '${task.name}' takes a list of argument lists: [['t1'], ['t2']].`,
      )
    }
    const prepared = prepare(runtime, task, { args })
    return prepared instanceof Promise
      ? prepared.then((one) => runtime.sender.pack(one))
      : runtime.sender.pack(prepared)
  }
  // Only a schema may have to be waited for; else there is no promise for each call.
  const outgoing =
    task.input === undefined
      ? Array.from(calls, write as (args: unknown) => Outgoing)
      : await Promise.all(Array.from(calls, async (args) => write(args)))
  await runtime.start()
  const statuses = await runtime.sender.sendMany(outgoing)
  const ids = outgoing.map(({ message }) => message.id)
  if (task.gates !== undefined) await endDropped(runtime, ids, statuses)
  const of = { runtime, task }
  return ids.map((id, i) => handleOf(of, sentAs(task, id, statuses[i] ?? 'stored')))
}
