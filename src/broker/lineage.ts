import { AsyncLocalStorage } from 'node:async_hooks'

/** The message that is running where a new one is sent. */
export interface Line {
  readonly id: string
  readonly root: string
}

/**
 * Knows which message is running here, so that what it sends carries its parent and root. Costs
 * some µs a task on Node 20 (promise hooks), next to nothing from Node 24 on; switched off by the
 * broker's `lineage: false`.
 */
export class Lineage {
  readonly #storage: AsyncLocalStorage<Line> | undefined

  constructor(on: boolean) {
    this.#storage = on ? new AsyncLocalStorage() : undefined
  }

  /** Runs a handler as this message. */
  run<T>(line: Line, work: () => T): T {
    return this.#storage === undefined ? work() : this.#storage.run(line, work)
  }

  /** The running message; `undefined` outside a handler. */
  current(): Line | undefined {
    return this.#storage?.getStore()
  }
}
