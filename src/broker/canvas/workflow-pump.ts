import { sleep } from '../../core/clock.ts'
import { isTaskwrightError } from '../../core/errors.ts'
import type { Surroundings } from '../../core/vendor.ts'
import type { WorkflowStore } from '../../core/workflow-store.ts'

const attempts = 5
const firstWait = 20

/**
 * Goes on with what the steps of this process left to do in wide workflows, one run after the other in
 * bounded steps. What it does not come to (the process dies, the store stays away) is found by a
 * worker's sweep.
 */
export class WorkflowPump {
  readonly #store: WorkflowStore
  readonly #around: Surroundings
  readonly #waiting = new Set<string>()
  #running: Promise<void> | undefined
  #listening = false

  constructor(store: WorkflowStore, around: Surroundings) {
    this.#store = store
    this.#around = around
  }

  /** Begins to listen. The store is open. Idempotent. */
  start(): void {
    if (this.#listening) return
    this.#listening = true
    this.#store.onMore((run) => this.add(run))
  }

  /** Something is left to do in this run. */
  add(run: string): void {
    this.#waiting.add(run)
    this.#running ??= Promise.resolve().then(() => this.#run())
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    await this.#running
  }

  async #run(): Promise<void> {
    for (;;) {
      const [run] = this.#waiting
      if (run === undefined) {
        this.#running = undefined
        return
      }
      // First: what is told while it goes on is told of what comes after.
      this.#waiting.delete(run)
      await this.#pump(run)
    }
  }

  async #pump(run: string): Promise<void> {
    const { clock, logger } = this.#around
    for (let failed = 0; ;) {
      try {
        const { more } = await this.#store.pump(run)
        if (!more) return
        failed = 0
      } catch (error) {
        if (isTaskwrightError(error, 'NOT_STARTED')) return
        if (++failed === attempts) {
          logger.warn('a workflow could not go on; a worker will find it', { run, error })
          return
        }
        await sleep(clock, firstWait * 2 ** failed, { background: true })
      }
    }
  }
}
