import type { TaskDefiner } from './task-definer.ts'
import { callDirectly } from './direct-call.ts'
import { makeSignature } from './canvas/make-canvas.ts'
import { kiq, makeKicker } from './kicker.ts'
import { pending } from './pending.ts'
import type { RegisteredTask } from './registry.ts'
import { sendMany } from './send-many.ts'
import type { Sendable } from './task.ts'
import { readDefinition, type AnyTaskOptions } from './task-definition.ts'
import type { TaskHome } from './task-home.ts'

/** Where a task object keeps its registration, for engines that are handed a task. */
export const registrationKey: unique symbol = Symbol.for('taskwright.task.registration')

/** The `task` method of a broker or of shared tasks. */
export function defineTask(
  home: TaskHome,
  register: (task: RegisteredTask) => void,
): TaskDefiner['task'] {
  const define = (nameOrOptions: string | AnyTaskOptions, handler: unknown): unknown => {
    const task = readDefinition(nameOrOptions, handler)
    register(task)
    // async: a task always answers with a promise, also when it has no broker yet.
    const call = async (...args: unknown[]): Promise<unknown> =>
      callDirectly(home.runtime(task.name), task, args)
    return Object.assign(nameIt(call, task.name), sendable(home, task), { handler })
  }
  // The one place where the types of a definition are let go: `TaskDefiner` states them for callers,
  // `readDefinition` checks them at run time, and nothing in between depends on them.
  return define as TaskDefiner['task']
}

/** What a task offers for sending, local or remote. */
export function sendable(
  home: TaskHome,
  task: RegisteredTask,
): Omit<Sendable<unknown[], unknown>, 'name' | 's'> & { s: (...given: unknown[]) => unknown } {
  const kicker = (): ReturnType<typeof makeKicker> => makeKicker(home, task)
  return Object.defineProperty(
    {
      kiq: (...args: unknown[]) => kiq(home, task, { args }),
      kiqMany: async (calls: Iterable<unknown[]>) => sendMany(home.runtime(task.name), task, calls),
      pending: async (...args: unknown[]) => pending(home.runtime(task.name), task, args),
      kicker,
      scheduleByCron: (source, line, ...args) => kicker().scheduleByCron(source, line, ...args),
      scheduleByInterval: (source, line, ...args) =>
        kicker().scheduleByInterval(source, line, ...args),
      scheduleByTime: (source, line, ...args) => kicker().scheduleByTime(source, line, ...args),
      s: (...given: unknown[]) => makeSignature(home, task, { args: given, open: true }),
      si: (...args: unknown[]) => makeSignature(home, task, { args, open: false }),
    },
    registrationKey,
    { value: task, enumerable: true },
  )
}

/** A function's own `name` is read-only for assignment. */
function nameIt<F extends (...args: unknown[]) => unknown>(call: F, name: string): F {
  return Object.defineProperty(call, 'name', { value: name, enumerable: true, configurable: true })
}
