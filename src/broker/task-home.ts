import { NotStartedError } from '../core/errors.ts'
import type { BrokerRuntime } from './runtime.ts'

/** Where a task learns through which broker it sends: known at definition, or later for shared tasks. */
export class TaskHome {
  #runtime: BrokerRuntime | undefined

  /** The first broker stays. */
  settle(runtime: BrokerRuntime): void {
    this.#runtime ??= runtime
  }

  /** @throws NotStartedError while there is no broker. */
  runtime(taskName: string): BrokerRuntime {
    if (this.#runtime !== undefined) return this.#runtime
    throw new NotStartedError(
      `task '${taskName}' belongs to shared tasks that no broker has taken in: call broker.include(…) first.`,
    )
  }
}
