import type { RunningTask } from './activity.ts'
import { eventLoopTurn } from './event-loop-turn.ts'
import type { Subject } from './faults.ts'
import type { Claiming } from './faulty-transport.ts'
import type { InlineFeed } from './inline-feed.ts'
import { TestWorker, type TestWorkerOptions } from './test-worker.ts'

/** What {@link TestCrew} needs. */
export interface TestCrewOptions extends Omit<
  TestWorkerOptions,
  'name' | 'claim' | 'claimNext' | 'onEnd' | 'kill'
> {
  /** How many workers there are at any time. */
  readonly size: number
  /** Feeds them one message at a time; absent where they help themselves. */
  readonly feed: InlineFeed | undefined
  /** Real milliseconds for which an aborted handler may go on before its worker is stopped without it. */
  readonly patience: number
}

/** Steps of the clock within which stopped workers must have ended. */
const mostStopSteps = 1_000

/** The workers of a test. One that vanishes or stops by itself is replaced, as a supervisor would. */
export class TestCrew {
  readonly #options: TestCrewOptions
  #workers: TestWorker[] = []
  #hired = 0
  #dismissed = false

  constructor(options: TestCrewOptions) {
    this.#options = options
  }

  /** Messages in the hands of workers that live. */
  get held(): number {
    return this.#workers.reduce((sum, worker) => sum + worker.held, 0)
  }

  async start(): Promise<void> {
    await Promise.all(Array.from({ length: this.#options.size }, () => this.#hire()))
  }

  /** Kills those that run such a message; all of them without a condition. */
  killAll(matches: ((subject: Subject) => boolean) | undefined): void {
    for (const worker of [...this.#workers]) {
      if (matches === undefined || [...worker.runs].some(matches)) this.kill(worker)
    }
  }

  kill(worker: TestWorker): void {
    if (worker.life.over) return
    worker.die()
    const { journal, feed, activity } = this.#options
    journal.note('worker-killed', { worker: worker.name })
    feed?.workerGone()
    activity.touch()
    this.#replace(worker)
  }

  /** Ends the leases of such messages that run now; false when none does. */
  loseLeases(matches: (subject: Subject) => boolean): boolean {
    let found = false
    for (const worker of this.#workers) {
      for (const run of worker.runs) {
        if (!matches(run)) continue
        found = true
        void worker.expire(run)
      }
    }
    return found
  }

  /** Stops all; moves the clock as far as their grace needs. Returns the runs that did not end. */
  async stop(): Promise<readonly RunningTask[]> {
    const { activity, clock, patience } = this.#options
    this.#dismissed = true
    let done = false
    const stopping = Promise.all(
      this.#workers.map(({ worker }) => worker.stop({ timeout: 0 })),
    ).then(() => void (done = true))
    for (let steps = 0; !done && steps < mostStopSteps; steps++) {
      await eventLoopTurn()
      if (activity.running.size > 0 && (await activity.changedWithin(patience))) continue
      if (!done && !clock.step()) await Promise.race([stopping, activity.changedWithin(patience)])
    }
    const left = [...activity.running]
    await Promise.all(this.#workers.map((worker) => worker.close()))
    return left
  }

  async #hire(): Promise<void> {
    const { feed, store, ...shared } = this.#options
    const some: Claiming = (inner, request) => store.claimSome(inner, request)
    const worker = new TestWorker({
      ...shared,
      store,
      name: `worker-${++this.#hired}`,
      claim: feed === undefined ? some : (inner, request) => feed.claim(inner, request),
      claimNext: feed === undefined ? some : undefined,
      onEnd: (id) => feed?.ended(id),
      kill: (dead) => this.kill(dead),
    })
    this.#workers.push(worker)
    void worker.worker.stopped.then(() => this.#replace(worker))
    await worker.worker.start()
  }

  #replace(worker: TestWorker): void {
    if (this.#dismissed || !this.#workers.includes(worker)) return
    this.#workers = this.#workers.filter((other) => other !== worker)
    this.#hire().catch((error: unknown) =>
      this.#options.base.surroundings.logger.error('a worker of the test did not start', { error }),
    )
  }
}
