import type { Timer } from '../core/clock.ts'
import type { BrokerRuntime } from '../broker/runtime.ts'

/** Milliseconds between two sweeps, by chance half or once and a half as long; virtual time need not be swept that often. */
const every = { real: 10_000, virtual: 60_000 }
const mostRuns = 100

/**
 * Looks, now and then, for what dead workers and callers left of workflows: runs in which something is
 * left to do go on, those over their deadline are cancelled, expired ones are deleted bit by bit.
 * Any number of workers may do so at once.
 */
export class WorkflowSweep {
  readonly #runtime: BrokerRuntime
  #timer: Timer | undefined
  #sweeping: Promise<void> | undefined
  #stopped = false

  constructor(runtime: BrokerRuntime) {
    this.#runtime = runtime
  }

  /** Begins. Nothing to do where the transport keeps no workflows. */
  start(): void {
    if (this.#runtime.workflows === undefined || this.#stopped) return
    const { clock, random } = this.#runtime.surroundings
    const ms = (clock.virtual === true ? every.virtual : every.real) * (0.5 + random.next())
    this.#timer = clock.after(
      ms,
      () => {
        this.#sweeping = this.#sweep().finally(() => {
          this.#sweeping = undefined
          this.start()
        })
      },
      { background: true },
    )
  }

  /** Ends; what is under way is waited for. Idempotent. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#timer?.cancel()
    await this.#sweeping
  }

  async #sweep(): Promise<void> {
    const { workflows, surroundings } = this.#runtime
    if (workflows === undefined) return
    try {
      for (const run of await workflows.sweep(mostRuns)) {
        while (!this.#stopped && (await workflows.pump(run)).more);
      }
    } catch (error) {
      // The next one is soon enough.
      surroundings.logger.debug('workflows could not be swept', { error })
    }
  }
}
