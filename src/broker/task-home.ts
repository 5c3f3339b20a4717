import { NotStartedError } from '../core/errors.ts'
import type { BrokerRuntime, RuntimeHome } from './runtime.ts'

/**
 * Where a task learns through which runtime it sends: known at definition, later for shared tasks,
 * and for the length of a test another one.
 */
export class TaskHome implements RuntimeHome {
  #runtime: BrokerRuntime | undefined
  readonly #redirects: BrokerRuntime[] = []

  /** The first broker stays. */
  settle(runtime: BrokerRuntime): void {
    this.#runtime ??= runtime
  }

  /** Sends through another runtime until the returned function is called. Redirects nest. */
  redirect(runtime: BrokerRuntime): () => void {
    this.#redirects.push(runtime)
    return () => {
      const place = this.#redirects.indexOf(runtime)
      if (place >= 0) this.#redirects.splice(place, 1)
    }
  }

  /** @throws NotStartedError while there is no broker. */
  runtime(taskName: string): BrokerRuntime {
    const runtime = this.#redirects.at(-1) ?? this.#runtime
    if (runtime !== undefined) return runtime
    throw new NotStartedError(
      `task '${taskName}' belongs to shared tasks that no broker has taken in: call broker.include(…) first.`,
    )
  }
}
