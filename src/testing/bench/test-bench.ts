import type { Body, Envelope } from '../../core/message.ts'
import type { Middleware } from '../../core/middleware.ts'
import { seededRandom } from '../../core/random.ts'
import type { SendStatus, Transport } from '../../core/transport.ts'
import type { OpenTransport, Surroundings } from '../../core/vendor.ts'
import type { BrokerOptions } from '../../broker/broker-options.ts'
import { makeRuntime } from '../../broker/make-runtime.ts'
import type { BrokerRuntime } from '../../broker/runtime.ts'
import { DependencyOverrides } from '../../dependencies/overrides.ts'
import { Activity } from './activity.ts'
import { DueTimes } from './due-times.ts'
import { FaultPlan, withoutPlanned, type Subject } from './faults.ts'
import { FaultyResults, FaultyTransport, type FaultyOptions } from './faulty-transport.ts'
import { InlineFeed } from './inline-feed.ts'
import { Journal, taken } from './journal.ts'
import { Life, never } from './life.ts'
import { LimitedTransport } from './limited-transport.ts'
import { redirectHomes } from './redirect-homes.ts'
import { directSchedule, SeededSchedule, seedVariable, type Schedule } from './seeded-schedule.ts'
import type { TestBrokerOptions } from '../test-broker-options.ts'
import { VirtualClock } from './test-clock.ts'
import { TestCrew } from './test-crew.ts'
import { realTime, TestPace } from './test-pace.ts'
import { TestRegistry } from './test-registry.ts'
import { watchedWorkflows } from './test-workflows.ts'
import { inspectorWith, TestStore } from './test-store.ts'
import { runningHere } from './test-worker.ts'
import { WatchedResults } from './watched-results.ts'
import { Watchdog } from './watchdog.ts'

/** Inline nothing may wait for a slot: a handler that waits for what it sent has one too. */
const inlineSlots = { concurrency: 100_000, prefetch: 0 }
const concurrentSlots = { concurrency: 8 }
const defaultWorkers = 2
const defaultPatience = 250
const defaultGiveUpAfter = 3_000

/**
 * Everything that a test broker is made of, put together: another runtime under the broker, on a memory
 * store whose every answer passes the schedule and the planned faults, and real workers on it.
 */
export class TestBench {
  readonly activity: Activity = new Activity()
  readonly clock: VirtualClock
  readonly faults: FaultPlan
  readonly journal: Journal
  readonly registry: TestRegistry
  readonly overrides: DependencyOverrides = new DependencyOverrides()
  readonly pace: TestPace
  readonly watchdog: Watchdog
  readonly schedule: Schedule
  readonly runtime: BrokerRuntime
  /** How to run this again; empty where nothing was left to chance. */
  readonly replay: string
  readonly #store: TestStore
  readonly #crew: TestCrew
  readonly #base: BrokerRuntime
  readonly #feed: InlineFeed | undefined
  readonly #due: DueTimes | undefined
  readonly #undo: () => void
  /** What the broker itself sends and receives through, and workers that the code under test makes. */
  #own: FaultyTransport | undefined
  #starting: Promise<void> | undefined
  #closing: Promise<void> | undefined

  constructor(real: BrokerRuntime, options: TestBrokerOptions & { readonly seed: number }) {
    const { mode, seed, start, worker } = options
    const { activity } = this
    const inline = mode === 'inline'
    const patience = realTime(options.patience, defaultPatience)
    const giveUpAfter = realTime(options.giveUpAfter, defaultGiveUpAfter)
    // Two streams: a handler that draws one id more does not change who goes on when.
    const chance = seededRandom(seed ^ 0x9e3779b9)
    const schedule = inline ? directSchedule(chance) : new SeededSchedule(seededRandom(seed))
    this.schedule = schedule
    this.replay = inline ? '' : `\nreplay with seed: ${seed} (${seedVariable}=${seed})`
    this.clock = new VirtualClock(start === undefined ? undefined : Number(start), {
      settle: () => this.pace.standstill(),
      onRest: () => activity.touch(),
    })
    this.watchdog = new Watchdog(activity, giveUpAfter, () => this.clock.moving)
    this.registry = new TestRegistry(real.registry)
    this.journal = new Journal({
      clock: this.clock,
      codec: real.codec,
      resultCodec: real.resultCodec,
      taskOf: (name) => this.registry.get(name),
      onEntry: () => activity.touch(),
    })
    this.faults = new FaultPlan({
      kill: (matches) => this.#crew.killAll(matches),
      loseLeases: (matches) => this.#crew.loseLeases(matches),
      onFault: (detail, subject) =>
        this.journal.note('fault', { taskId: subject?.id, task: subject?.task, detail }),
    })
    this.#store = new TestStore({ faults: this.faults, schedule, queues: worker?.queues })
    this.pace = new TestPace({
      activity,
      clock: this.clock,
      schedule,
      patience,
      giveUpAfter,
      replay: this.replay,
      backlog: async () => ({
        ...(await this.#store.counts()),
        held: this.#crew.held + (this.#own?.held ?? 0) + activity.unanswered.size,
      }),
      runReady: async () => this.#feed?.runReady(),
      progress: () => this.journal.progress,
      busiest: () => this.journal.busiest(),
    })
    if (inline) {
      const until = <T>(promise: Promise<T>): Promise<T> => this.pace.until(promise)
      this.#feed = new InlineFeed({ faults: this.faults, schedule, store: this.#store, until })
      // Nobody asks for messages while a handler runs, so nobody would notice that its lease has ended.
      this.#due = new DueTimes(this.clock, () => {
        void this.#store.sweep().then(() => this.#feed?.runReady())
      })
    }
    copyOverrides(real.container.overrides, this.overrides)
    const brokerOptions: BrokerOptions = {
      ...real.options,
      resultBackend: undefined,
      // So that `sent` shows arguments of any size.
      claimCheck: false,
      // Chosen for the real transport: what arrives in a test is what will arrive there.
      codec: real.codec,
      resultCodec: real.resultCodec,
      clock: this.clock,
      random: chance,
      logger: withoutPlanned(options.logger ?? real.surroundings.logger),
    }
    const tasks = redirectHomes(real.homes)
    this.#base = makeRuntime(
      {
        ...brokerOptions,
        transport: {
          kind: 'transport',
          name: this.#store.name,
          create: (surroundings) => this.#open(surroundings, real.transport),
        },
        middlewares: [this.#hooks(), ...(real.options.middlewares ?? [])],
      },
      { registry: this.registry, homes: tasks.homes, overrides: this.overrides },
    )
    this.#crew = new TestCrew({
      size: inline ? 1 : (options.workers ?? defaultWorkers),
      feed: this.#feed,
      patience,
      base: this.#base,
      brokerOptions,
      store: this.#store,
      clock: this.clock,
      worker: { ...concurrentSlots, ...worker, ...(inline ? inlineSlots : {}) },
      schedule,
      faults: this.faults,
      activity,
      journal: this.journal,
      subjectOf: this.#subjectOf,
      due: (ms) => this.#due?.in(ms),
      stored: this.#stored,
    })
    // Never started as its own broker is: what is sent waits for the store and the workers of this bench.
    this.runtime = { ...this.#base, start: () => this.start(), isStarted: () => false }
    this.#undo = () => tasks.undo()
    tasks.redirect(this.runtime)
  }

  /** Opens the store and starts the workers. Idempotent. */
  start(): Promise<void> {
    this.#starting ??= this.#start().catch((error: unknown) => {
      this.#starting = undefined
      throw error
    })
    return this.#starting
  }

  /** Whether {@link close} was called. */
  get closed(): boolean {
    return this.#closing !== undefined
  }

  /** Stops everything and puts the broker back on its own runtime. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #start(): Promise<void> {
    await this.#base.start()
    await this.#crew.start()
  }

  async #close(): Promise<void> {
    const { logger } = this.#base.surroundings
    try {
      await this.#starting?.catch(() => {})
      this.schedule.open()
      this.#feed?.close()
      for (const { task, id } of await this.#crew.stop()) {
        logger.error(
          'a handler still runs at the end of its test: what it sends from now on goes to the real broker',
          { task, id },
        )
      }
      await this.#base.stop()
    } finally {
      this.#undo()
    }
  }

  /** The broker's own instance of the transport, through which tests and handlers send. */
  #open(surroundings: Surroundings, real: Transport): OpenTransport {
    const opened = this.#store.openOwn(surroundings)
    const { schedule, faults, activity, clock, journal } = this
    const options: FaultyOptions = {
      schedule,
      faults,
      activity,
      clock,
      life: new Life(),
      subjectOf: this.#subjectOf,
      kill: () => {},
      expire: (claim) => this.#store.expire(opened.transport, claim),
      watch: {
        stored: this.#stored,
        settled: (settlements, statuses) => {
          for (const settlement of taken(settlements, statuses))
            journal.settled(settlement, undefined)
        },
        claimed: () => {},
        unanswered: () => {},
        recovered: () => {},
        released: () => {},
        saved: () => {},
        leased: (lease) => this.#due?.in(lease),
      },
    }
    const results = new FaultyResults(opened.results, options)
    const { inspector } = opened
    const feed = this.#feed
    this.#own = new FaultyTransport(new LimitedTransport(opened.transport, real), options)
    return {
      transport: this.#own,
      results: new WatchedResults(results, {
        watchdog: this.watchdog,
        why: (what) => this.pace.stalled(what),
      }),
      locks: opened.locks,
      rates: opened.rates,
      control: opened.control,
      ledger: opened.ledger,
      plans: opened.plans,
      inspector:
        inspector === undefined || feed === undefined
          ? inspector
          : inspectorWith(inspector, () => feed.runReady()),
      workflows:
        opened.workflows &&
        watchedWorkflows(opened.workflows, {
          seen: (queue) => this.#store.seen(queue),
          stepped: async () => {
            activity.touch()
            await feed?.runReady(runningHere()?.run)
          },
        }),
    }
  }

  /** The outermost middleware: knows who sends, and waits inline until what was sent has been run. */
  #hooks(): Middleware {
    return {
      name: 'taskwright/testing',
      // Only workers that the code under test makes have this one; those of the kit have their own.
      execute: ({ message, attempt, queue }, next) => {
        const { id, task } = message
        const worker = 'a worker of the code under test'
        return this.activity.run(
          { id, task, attempt, worker, claim: { id, queue, token: '' } },
          { clock: this.clock, work: next },
        )
      },
      send: async (sending, next) => {
        const from = runningHere()
        if (from?.worker.life.over === true) await never()
        if (from !== undefined && this.faults.takes('kill at send', [from.run])) {
          this.#crew.kill(from.worker)
          return never()
        }
        if (from !== undefined) from.run.parked = false
        const { activity } = this
        activity.sending++
        let status: SendStatus
        try {
          status = await next(sending)
        } catch (error) {
          // The store may have it all the same: its worker would not wait for the sender's word.
          await this.#feed?.runReady(from?.run)
          throw error
        } finally {
          activity.sending--
          activity.touch()
        }
        if (from?.worker.life.over === true) await never()
        const { id, task } = sending.message
        if (this.#feed !== undefined && (status === 'stored' || (await this.#store.isReady(id)))) {
          const unwatch = this.#explainHang(task, from === undefined)
          await this.#feed.run(id, from?.run).finally(unwatch)
          if (from?.worker.life.over === true) await never()
        }
        return status
      },
    }
  }

  /** A `kiq()` that waits for a handler that waits for the clock would hang without a word. */
  #explainHang(task: string, outermost: boolean): () => void {
    if (!outermost) return () => {}
    return this.watchdog.watch(() => {
      const what = `kiq() of task '${task}', which runs inline to its end,`
      void this.pace
        .stalled(what)
        .then(({ message }) => this.#base.surroundings.logger.warn(message))
    })
  }

  readonly #stored = (envelopes: readonly Envelope[], statuses: readonly SendStatus[]): void => {
    for (const { queue, delay, at } of envelopes) {
      this.#store.seen(queue)
      this.#due?.in(delay ?? (at === undefined ? 0 : at - this.clock.now()))
    }
    this.journal.stored(envelopes, statuses)
  }

  readonly #subjectOf = ({ id, body }: { readonly id: string; readonly body?: Body }): Subject => {
    const known = this.journal.nameOf(id)
    if (known !== undefined || body === undefined) return { id, task: known }
    try {
      return { id, task: this.#base.codec.decodeMessage(body).task }
    } catch {
      return { id, task: undefined }
    }
  }
}

function copyOverrides(from: DependencyOverrides, to: DependencyOverrides): void {
  for (const [target, override] of from.table) {
    if (override.kind === 'value') to.setValue(target, override.value)
    else to.set(target, override.replacement)
  }
}
