import type { TaskDefiner } from './task-definer.ts'
import { TaskHome } from './task-home.ts'
import { defineTask } from './define-task.ts'
import { TaskRegistry, type RegisteredTask } from './registry.ts'

/** Tasks that were defined without a broker, for `broker.include(…)`. */
export interface SharedTasks extends TaskDefiner {
  /** Their registrations: those of now, and by the listener those that are defined later. For the broker. */
  readonly '~tasks': readonly RegisteredTask[]
  readonly '~listeners': Set<(task: RegisteredTask) => void>
  /** Where they learn of their broker. */
  readonly '~home': TaskHome
}

/**
 * Makes a set of tasks for a library or a module that does not know its broker yet.
 *
 * @example
 * ```ts
 * import { createBroker, sharedTasks } from 'taskwright'
 *
 * const mail = sharedTasks()
 * export const welcome = mail.task('mail.welcome', async (address: string) => `hello ${address}`)
 *
 * const broker = createBroker('memory:')
 * broker.include(mail)
 * await welcome.kiq('ada@example.org')
 * ```
 */
export function sharedTasks(): SharedTasks {
  const home = new TaskHome()
  const registry = new TaskRegistry()
  const listeners = new Set<(task: RegisteredTask) => void>()
  return {
    get '~tasks'() {
      return registry.all()
    },
    '~listeners': listeners,
    '~home': home,
    task: defineTask(home, (task) => {
      registry.add(task)
      for (const listen of listeners) listen(task)
    }),
  }
}
