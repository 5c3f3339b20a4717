import { TaskRegistry, type AnyHandler, type RegisteredTask } from '../../broker/registry.ts'
import type { Schema } from '../../broker/task-options.ts'

/** Takes everything as it is. */
const asSent: Schema = {
  '~standard': { version: 1, vendor: 'taskwright', validate: (value) => ({ value }) },
}

/**
 * The tasks of a broker as a test runs them: those of the broker, also those that are defined while
 * the test runs, with the handlers that the test puts in their place.
 *
 * Isolated tasks run in this process: in a thread of their own neither overrides nor fakes nor the
 * virtual clock would reach them.
 */
export class TestRegistry extends TaskRegistry {
  readonly #real: TaskRegistry
  readonly #stubs = new Map<string, RegisteredTask>()

  constructor(real: TaskRegistry) {
    super()
    this.#real = real
  }

  /**
   * Runs `handler`, without dependencies, in the place of a task; also of one that lives elsewhere. It
   * gets what callers sent: its type is theirs, and an input was checked when it was sent.
   */
  stub(task: RegisteredTask, handler: AnyHandler): void {
    const input = task.input === undefined ? undefined : asSent
    this.#stubs.set(task.name, { ...task, handler, input, deps: undefined, isolate: undefined })
  }

  override add(task: RegisteredTask): void {
    this.#real.add(task)
  }

  override check(task: RegisteredTask): void {
    this.#real.check(task)
  }

  override get(name: string): RegisteredTask | undefined {
    const real = this.#real.get(name)
    const task = this.#stubs.get(real?.name ?? name) ?? real
    return task?.isolate === undefined ? task : { ...task, isolate: undefined }
  }

  override all(): readonly RegisteredTask[] {
    const remote = [...this.#stubs.values()].filter(
      ({ name }) => this.#real.get(name) === undefined,
    )
    return [...this.#real.all(), ...remote].map((task) => this.get(task.name) ?? task)
  }
}
