import type { TestBroker } from 'taskwright/testing'

/** A task, for those who ask what became of it. */
export type TaskName = { readonly name: string }

/** A message that has ended. */
export interface EndedTask {
  readonly task: string
  readonly args: readonly unknown[]
  readonly status: string
  /** Which run it ended with. */
  readonly attempt: number
  readonly error?: { readonly message: string } | null | undefined
}

/** Those who run the tasks of a scenario: the workers of a test broker, or two processes on Redis. */
export interface Crew {
  /** Until nothing is left to do, retries and what killed workers held included. */
  drain(): Promise<void>
  /** Until nothing is to be done now. On Redis the same, as time passes there by itself. */
  idle(): Promise<void>
  /** What has ended, in its order. */
  settled(task?: TaskName): readonly EndedTask[]
  /** What has ended otherwise than well. */
  readonly failures: readonly EndedTask[]
  /** What was sent. On Redis: and has been run. */
  sent(task?: TaskName): readonly Pick<EndedTask, 'task' | 'args'>[]
  /** A worker dies when it has run this task, and before anybody is told. */
  killIn(task: string): void
  /** A death that never comes proves nothing. */
  readonly killsToCome: readonly string[]
}

/** The workers of a test broker. */
export function virtualCrew(app: TestBroker): Crew {
  const of = (task?: TaskName) => (one: { readonly task: string }) =>
    task === undefined || one.task === task.name
  return {
    drain: () => app.drain(),
    idle: () => app.idle(),
    settled: (task) => app.settled().filter(of(task)),
    sent: (task) => app.sent().filter(of(task)),
    killIn: (task) => app.faults.killWorker({ at: 'before-settle', task }),
    get failures() {
      return app.failures
    },
    get killsToCome() {
      return app.faults.pending
    },
  }
}
