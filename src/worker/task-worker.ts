import { milliseconds, type Duration } from '../core/duration.ts'
import type { Delivery } from '../core/delivery.ts'
import { NotStartedError } from '../core/errors.ts'
import { failpoint } from '../core/failpoint.ts'
import type { Paused } from '../broker/control.ts'
import type { BrokerRuntime } from '../broker/runtime.ts'
import { HandOver } from './hand-over.ts'
import { Hands } from './hands.ts'
import { Patience } from './patience.ts'
import { QueueShares } from './queue-shares.ts'
import { Receiver } from './receiver.ts'
import { Runs } from './runs.ts'
import { Settler } from './settler.ts'
import { Slots } from './slots.ts'
import { watchStalls } from './stall-watch.ts'
import { trimDeadLetters } from './trim-dead.ts'
import { WorkerControl, type ControlledWorker } from './worker-control.ts'
import { WorkerEmitter, type WorkerEvents } from './worker-events.ts'
import type { WorkerSettings } from './worker-settings.ts'
import type { WorkerCounts, Worker } from './worker.ts'
import { WorkflowSweep } from './workflow-sweep.ts'
import { tellUnknownTasks } from './unknown-tasks.ts'

/** Leases are renewed three times within their length. */
const beatsPerLease = 3

/** How long a stopping worker waits for its store, beyond the grace of its handlers. */
const storePatience = 5000

/**
 * The four parts at work: the receiver fetches while there is room, each delivery runs in the
 * executor, its end goes through the settler, and the heartbeat keeps what is in our hands.
 *
 * A delivery is in our hands from its claim until it is settled, given back or lost, and its lease is
 * kept for exactly that time.
 */
export class TaskWorker implements Worker {
  readonly name: string
  readonly queues: readonly string[]
  readonly stopped: Promise<void>
  readonly #runtime: BrokerRuntime
  readonly #settings: WorkerSettings
  readonly #emitter: WorkerEmitter
  readonly #slots: Slots
  readonly #giveUp = new AbortController()
  readonly #hurry = new AbortController()
  readonly #hands: Hands
  readonly #handOver: HandOver
  readonly #settler: Settler
  readonly #runs: Runs
  readonly #receiver: Receiver
  readonly #control: WorkerControl
  readonly #pausedTasks = new Set<string>()
  #active: readonly string[]
  #pausedQueues: ReadonlySet<string> = new Set()
  #startedAt = 0
  readonly #sweep: WorkflowSweep
  #stalls: { stop(): void } | undefined
  #trim: { stop(): void } | undefined
  #starting: Promise<void> | undefined
  #stopping: Promise<void> | undefined
  #resolveStopped: () => void = () => {}

  constructor(runtime: BrokerRuntime, settings: WorkerSettings) {
    this.#runtime = runtime
    this.#settings = settings
    this.name = settings.name
    this.queues = settings.queues
    this.#active = settings.queues
    this.stopped = new Promise((resolve) => (this.#resolveStopped = resolve))
    const { logger } = runtime.surroundings
    this.#emitter = new WorkerEmitter((error) =>
      logger.error('a listener of the worker threw', { error }),
    )
    this.#sweep = new WorkflowSweep(runtime)
    this.#slots = new Slots(settings.concurrency, settings.prefetch)
    this.#hands = new Hands(runtime)
    const onStoreFailed = (error: unknown): void => this.#storeFailed(error)
    const patience = new Patience({
      surroundings: runtime.surroundings,
      giveUp: this.#giveUp.signal,
      onError: onStoreFailed,
    })
    const take = (deliveries: readonly Delivery[]): void => {
      this.#runs.take(deliveries)
      // A fetch that was under way when they were paused.
      if (this.#pausedQueues.size > 0) void this.#runs.giveBackQueues(this.#pausedQueues)
    }
    this.#handOver = new HandOver({
      runtime,
      settings,
      slots: this.#slots,
      queues: () => this.#active,
      take: (deliveries) => {
        take(deliveries)
        this.#runs.fill()
        this.#receiver.roomChanged()
      },
      onUnsure: () => this.#receiver.unsure(),
    })
    this.#settler = new Settler(this.#handOver, patience)
    this.#runs = new Runs({
      runtime,
      settings,
      slots: this.#slots,
      hands: this.#hands,
      patience,
      settler: this.#settler,
      emitter: this.#emitter,
      pausedTasks: this.#pausedTasks,
      onRoom: () => this.#receiver.roomChanged(),
      onOverrun: () => this.#receiver.roomShrank(),
      // Nobody is in a hurry: what runs may end.
      onEnough: () => void this.#end('maxTasks', Infinity),
      onStoreFailed,
    })
    this.#receiver = new Receiver({
      runtime,
      queues: () => this.#active,
      shares: settings.shares && new QueueShares(settings.shares),
      lease: settings.lease,
      room: () =>
        this.#active.length === 0
          ? 0
          : Math.min(this.#runs.left - this.#slots.waiting, this.#slots.room()),
      suspects: () => this.#slots.suspectRoom(),
      take,
      run: () => this.#runs.fill(),
      onError: onStoreFailed,
      onClosed: () => void this.#end('the broker was stopped', this.#settings.shutdownTimeout),
    })
    this.#control = new WorkerControl(runtime, this.#controlled())
  }

  #controlled(): ControlledWorker {
    const { runtime, slots, runs } = {
      runtime: this.#runtime,
      slots: this.#slots,
      runs: this.#runs,
    }
    const { clock } = runtime.surroundings
    return {
      name: this.name,
      stats: () => ({
        pid: process.pid,
        queues: this.queues,
        concurrency: slots.concurrency,
        prefetch: slots.prefetch,
        ...this.counts,
        uptime: Math.round((clock.monotonic() - this.#startedAt) / 1000),
        rss: process.memoryUsage.rss(),
      }),
      active: () => runs.active,
      registered: () =>
        runtime.registry
          .all()
          .flatMap(({ name, handler }) => (handler === undefined ? [] : [name])),
      scale: ({ concurrency = slots.concurrency, prefetch = slots.prefetch }) => {
        slots.resize(concurrency, prefetch)
        runs.fill()
        this.#receiver.roomChanged()
      },
      shutdown: (timeout) => void this.#end('control', timeout ?? this.#settings.shutdownTimeout),
      pause: (what) => this.#pause(what),
      cancel: (ids, reason) => runs.cancelById(ids, reason),
    }
  }

  #pause({ queues, tasks }: Paused): void {
    this.#pausedTasks.clear()
    for (const task of tasks) this.#pausedTasks.add(task)
    const paused = new Set(queues)
    const active = this.queues.filter((queue) => !paused.has(queue))
    if (active.length === this.#active.length && active.every((one, i) => one === this.#active[i]))
      return
    // The same list as ever where nothing is paused: transports know it.
    this.#active = active.length === this.queues.length ? this.queues : active
    this.#pausedQueues = paused
    this.#receiver.queuesChanged()
    void this.#runs.giveBackQueues(paused)
  }

  get counts(): WorkerCounts {
    return {
      running: this.#slots.running,
      settling: this.#slots.settling,
      prefetched: this.#slots.waiting,
      settled: this.#runs.settled,
      stuck: this.#runs.stuck,
      foreignFires: this.#runs.foreignFires,
    }
  }

  on<K extends keyof WorkerEvents>(
    kind: K,
    listener: (event: WorkerEvents[K]) => void,
  ): () => void {
    return this.#emitter.on(kind, listener)
  }

  start(): Promise<void> {
    if (this.#stopping !== undefined)
      return Promise.reject(new NotStartedError('this worker was stopped: make a new one.'))
    this.#starting ??= this.#start().catch((error: unknown) => {
      // A store that could not be opened may be there at the next try.
      this.#starting = undefined
      throw error
    })
    return this.#starting
  }

  async #start(): Promise<void> {
    const { surroundings } = this.#runtime
    const { lease, stallLimit } = this.#settings
    await this.#runtime.start()
    this.#hands.open({
      lease,
      every: Math.floor(lease / beatsPerLease),
      stallLimit,
      onLost: (claims) => this.#runs.lost(claims),
      onCancelled: (claim, reason) => this.#runs.cancelled(claim, reason),
      onError: (error) => this.#storeFailed(error),
    })
    void tellUnknownTasks(this.#runtime, this.#settings)
    this.#stalls = watchStalls(surroundings.clock, (ms) => {
      const running = this.#runs.names
      surroundings.logger.warn(
        `the event loop was blocked for ${ms} ms: use \`isolate\` for work that does not await`,
        { running },
      )
      this.#emitter.emit('loop-stalled', { milliseconds: ms, running })
    })
    this.#trim = trimDeadLetters(this.#runtime)
    this.#startedAt = surroundings.clock.monotonic()
    await this.#control.start()
    this.#receiver.start()
    if (this.#settings.sweepWorkflows) this.#sweep.start()
    this.#emitter.emit('started', { queues: this.queues })
  }

  async stop(options?: { timeout?: Duration | undefined }): Promise<void> {
    const { shutdownTimeout } = this.#settings
    const timeout = options?.timeout === undefined ? shutdownTimeout : milliseconds(options.timeout)
    await this.#end('stop', timeout)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  /** Every call may shorten the wait, none lengthens it. */
  #end(reason: string, timeout: number): Promise<void> {
    this.#runs.close()
    this.#handOver.close()
    // Begun a moment later: whoever asks again from within it must find that it has begun.
    this.#stopping ??= Promise.resolve().then(() => this.#stop(reason))
    if (timeout === 0) this.#hurry.abort()
    else if (timeout < Infinity && !this.#hurry.signal.aborted) {
      const timer = this.#runtime.surroundings.clock.after(timeout, () => this.#hurry.abort())
      void this.stopped.then(() => timer.cancel())
    }
    return this.#stopping
  }

  async #stop(reason: string): Promise<void> {
    if (this.#starting !== undefined) {
      // A worker that could not start has nothing to give back.
      await this.#starting.catch(() => {})
      failpoint('stop.before')
      await this.#receiver.stop()
      failpoint('stop.received')
      await this.#sweep.stop()
      const givenBack = this.#runs.giveBackWaiting()
      await Promise.race([this.#runs.idle(), aborted(this.#hurry.signal)])
      this.#runs.interrupt()
      // Aborted handlers have their grace; a store that stays away after that is given up on.
      const patience = this.#runtime.surroundings.clock.after(
        this.#settings.grace + storePatience,
        () => this.#giveUp.abort(),
      )
      await this.#runs.idle()
      await givenBack
      await this.#settler.idle()
      // What a last settle has claimed.
      await this.#receiver.recoverLost()
      await this.#runs.giveBackWaiting()
      failpoint('stop.idle')
      patience.cancel()
      this.#giveUp.abort()
      this.#stalls?.stop()
      this.#trim?.stop()
      await this.#control.stop()
      await this.#hands.close().catch((error: unknown) => this.#storeFailed(error))
    }
    this.#emitter.emit('stopped', { reason })
    this.#resolveStopped()
  }

  #storeFailed(error: unknown): void {
    this.#slots.storeFailed()
    this.#runtime.surroundings.logger.warn('the store failed; trying again', { error })
    this.#emitter.emit('store-failed', { error })
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}
