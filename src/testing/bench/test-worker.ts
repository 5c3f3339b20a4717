import { AsyncLocalStorage } from 'node:async_hooks'
import type { Delivery } from '../../core/delivery.ts'
import type { Execution, Middleware } from '../../core/middleware.ts'
import type { OpenTransport, Surroundings } from '../../core/vendor.ts'
import { runtimeKey, type BrokerIdentity } from '../../broker/broker-identity.ts'
import type { BrokerOptions } from '../../broker/broker-options.ts'
import type { Broker } from '../../broker/broker.ts'
import { makeRuntime } from '../../broker/make-runtime.ts'
import type { BrokerRuntime } from '../../broker/runtime.ts'
import { createWorker } from '../../worker/create-worker.ts'
import type { WorkerOptions } from '../../worker/worker-options.ts'
import type { Worker } from '../../worker/worker.ts'
import type { Activity, RunningTask } from './activity.ts'
import type { FaultPlan } from './faults.ts'
import {
  FaultyResults,
  FaultyTransport,
  type Claiming,
  type FaultyOptions,
} from './faulty-transport.ts'
import { taken, type Journal } from './journal.ts'
import { Life, never } from './life.ts'
import type { Schedule } from './seeded-schedule.ts'
import { WorkerClock, type VirtualClock } from './test-clock.ts'
import type { TestStore } from './test-store.ts'
import { watchedWorkflows } from './test-workflows.ts'

/** The run in which this code is; `undefined` in the test itself. One for all test brokers. */
const here = new AsyncLocalStorage<{ readonly run: RunningTask; readonly worker: TestWorker }>()

/** The handler that is running here, and its worker. */
export function runningHere():
  | { readonly run: RunningTask; readonly worker: TestWorker }
  | undefined {
  return here.getStore()
}

/** A run that has not begun. */
type AboutRun = Omit<RunningTask, 'since' | 'parked' | 'suspended'>

/** What a {@link TestWorker} is made from. */
export interface TestWorkerOptions {
  readonly name: string
  /** The runtime that it shares dependencies and tasks with. */
  readonly base: BrokerRuntime
  readonly brokerOptions: BrokerOptions
  readonly store: TestStore
  readonly clock: VirtualClock
  readonly worker: WorkerOptions
  readonly schedule: Schedule
  readonly faults: FaultPlan
  readonly activity: Activity
  readonly journal: Journal
  readonly subjectOf: FaultyOptions['subjectOf']
  /** Something may come due in so many milliseconds. */
  readonly due: (ms: number) => void
  /** Messages were stored. */
  readonly stored: FaultyOptions['watch']['stored']
  readonly claim: Claiming
  readonly claimNext: Claiming | undefined
  /** It has nothing more to do with this message. */
  readonly onEnd: (id: string) => void
  readonly kill: (worker: TestWorker) => void
}

/**
 * One worker process of a test: a real worker on an instance of the transport of its own, with a clock
 * of its own, so that all of it can vanish in the middle of whatever it does.
 */
export class TestWorker {
  readonly name: string
  readonly worker: Worker
  readonly life: Life = new Life()
  readonly runs: Set<RunningTask> = new Set()
  readonly #options: TestWorkerOptions
  readonly #clock: WorkerClock
  readonly #deliveries = new Map<string, Delivery>()
  #opened: OpenTransport | undefined
  #transport: FaultyTransport | undefined

  constructor(options: TestWorkerOptions) {
    this.name = options.name
    this.#options = options
    this.#clock = new WorkerClock(options.clock)
    const identity: BrokerIdentity = { [runtimeKey]: this.#makeRuntime() }
    // A worker takes nothing of a broker but its runtime.
    this.worker = createWorker(identity as Broker, { ...options.worker, name: options.name })
    this.worker.on('task-settled', (end) => {
      // Acknowledged before it ran, and nothing is kept of it: this is all that tells of its end.
      if (!options.journal.hasEnded(end.id)) options.journal.endedUntold(end, this.name)
      options.onEnd(end.id)
    })
    this.worker.on('task-lost', ({ id, attempt }) => {
      options.journal.note('lost', { taskId: id, worker: this.name, attempt })
      options.onEnd(id)
    })
  }

  /** Messages in its hands. */
  get held(): number {
    return this.life.over ? 0 : (this.#transport?.held ?? 0)
  }

  /** It vanishes: what it has stays leased, and its handlers go on alone, cut off from the store. */
  die(): void {
    this.life.end()
    this.#clock.die()
    for (const run of this.runs) this.#options.activity.running.delete(run)
    this.#forgetUnanswered()
    void this.#opened?.transport.stop()
    void this.#opened?.results.stop()
  }

  /** Closes its transport, after the worker has stopped. */
  async close(): Promise<void> {
    await this.#opened?.results.stop()
    await this.#opened?.transport.stop()
  }

  /** Ends the lease of what a handler works on. */
  expire(run: RunningTask): Promise<void> {
    return this.#expire(run)
  }

  async #expire({ claim }: AboutRun): Promise<void> {
    if (this.#opened !== undefined) await this.#options.store.expire(this.#opened.transport, claim)
  }

  #makeRuntime(): BrokerRuntime {
    const { base, brokerOptions, store } = this.#options
    const made = makeRuntime(
      {
        ...brokerOptions,
        transport: {
          kind: 'transport',
          name: store.name,
          create: (surroundings) => this.#open(surroundings),
        },
        clock: this.#clock,
        middlewares: [this.#hook(), ...(brokerOptions.middlewares ?? [])],
      },
      { registry: base.registry, homes: [] },
    )
    // Dependencies of the process are the test's, not the worker's; so is the life of middlewares.
    return {
      ...made,
      container: base.container,
      start: async () => {
        await base.start()
        await this.#opened?.transport.start()
        await this.#opened?.results.start()
      },
      stop: async () => {},
    }
  }

  #open(surroundings: Surroundings): OpenTransport {
    const { schedule, faults, activity, journal, store, claim, claimNext, subjectOf, due } =
      this.#options
    const opened = store.open(surroundings)
    this.#opened = opened
    const early = this.#options.worker.ack === 'early'
    const options: FaultyOptions = {
      schedule,
      faults,
      activity,
      subjectOf,
      life: this.life,
      clock: this.#clock,
      kill: () => this.#options.kill(this),
      expire: (lost) => store.expire(opened.transport, lost),
      claim,
      claimNext,
      watch: {
        stored: this.#options.stored,
        settled: (settlements, statuses) => {
          for (const settlement of taken(settlements, statuses)) {
            const { outcome, result } = settlement
            // Acknowledged before its run: that is not its end.
            if (early && outcome.kind === 'succeeded' && result === undefined) continue
            if (outcome.kind === 'retry') due(outcome.delay)
            for (const { queue, delay = 0 } of settlement.followUps ?? []) {
              store.seen(queue)
              due(delay)
            }
            journal.settled(settlement, this.name)
          }
        },
        claimed: (deliveries) => this.#claimed(deliveries),
        unanswered: (deliveries) => {
          for (const { id } of deliveries) activity.unanswered.set(id, this.name)
        },
        recovered: (deliveries) => {
          this.#forgetUnanswered()
          this.#claimed(deliveries)
        },
        released: (claims) => {
          for (const { id } of claims) {
            journal.note('given-back', { taskId: id, worker: this.name })
            this.#options.onEnd(id)
          }
        },
        saved: (results) => {
          for (const { id, body } of results) journal.savedAlone(id, body, this.name)
        },
        leased: due,
      },
    }
    this.#transport = new FaultyTransport(opened.transport, options)
    const { workflows } = opened
    return {
      transport: this.#transport,
      results: new FaultyResults(opened.results, options),
      workflows:
        workflows &&
        watchedWorkflows(workflows, {
          seen: (queue) => store.seen(queue),
          stepped: async () => activity.touch(),
        }),
    }
  }

  #forgetUnanswered(): void {
    const { unanswered } = this.#options.activity
    for (const [id, worker] of unanswered) if (worker === this.name) unanswered.delete(id)
  }

  #claimed(deliveries: readonly Delivery[]): void {
    for (const delivery of deliveries) {
      this.#options.activity.unanswered.delete(delivery.id)
      this.#deliveries.set(delivery.id, delivery)
      this.#options.journal.claimed(delivery, this.name)
    }
  }

  /** The outermost middleware: knows when a handler begins and ends, and may be where its worker dies. */
  #hook(): Middleware {
    return {
      name: 'taskwright/testing',
      execute: async (execution, next) => {
        const { schedule, faults, activity, kill, journal } = this.#options
        const about = this.#about(execution)
        await schedule.turn()
        if (this.life.over) await never()
        if (faults.takes('kill at run', [about])) kill(this)
        if (this.life.over) await never()
        if (faults.takes('lose the lease', [about])) await this.#expire(about)
        if (this.life.over) await never()
        const { id: taskId, attempt } = about
        journal.note('started', { taskId, worker: this.name, attempt })
        const work = async (run: RunningTask): Promise<unknown> => {
          this.runs.add(run)
          return here.run({ run, worker: this }, next).finally(() => this.runs.delete(run))
        }
        return activity.run(about, { clock: this.#clock, work })
      },
    }
  }

  #about({ message, attempt, queue }: Execution): AboutRun {
    const { id, task } = message
    const claim = this.#deliveries.get(id) ?? { id, queue, token: '' }
    return { id, task, attempt, worker: this.name, claim }
  }
}
