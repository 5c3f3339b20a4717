import { milliseconds, type Duration } from '../core/duration.ts'
import type { Claim, Delivery, LeaseToken } from '../core/delivery.ts'
import { LeaseLostError, NotStartedError, TaskCancelledError } from '../core/errors.ts'
import type { LeaseKeeper } from '../core/transport.ts'
import type { BrokerRuntime } from '../broker/runtime.ts'
import { Executor } from './executor.ts'
import { Finisher } from './finisher.ts'
import { Receiver } from './receiver.ts'
import { Run } from './run.ts'
import { Settler } from './settler.ts'
import { Slots } from './slots.ts'
import { watchStalls } from './stall-watch.ts'
import { WorkerEmitter, type TaskFact, type WorkerEvents } from './worker-events.ts'
import type { WorkerCounts, Worker } from './worker.ts'
import type { UnknownTaskPolicy } from './worker-options.ts'

/** `WorkerOptions` with every choice made. */
export interface WorkerSettings {
  readonly concurrency: number
  readonly prefetch: number
  readonly queues: readonly string[]
  readonly ack: 'early' | 'late'
  readonly lease: number
  readonly redeliveries: number
  readonly unknownTask: UnknownTaskPolicy
  readonly stallLimit: number
  readonly grace: number
  readonly shutdownTimeout: number
  readonly maxTasks: number
  readonly name: string
}

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
  readonly #runs = new Map<LeaseToken, Run>()
  readonly #held = new Map<LeaseToken, Delivery>()
  readonly #giveUp = new AbortController()
  readonly #hurry = new AbortController()
  readonly #settler: Settler
  readonly #finisher: Finisher
  readonly #executor: Executor
  readonly #receiver: Receiver
  #keeper: LeaseKeeper | undefined
  #stalls: { stop(): void } | undefined
  #starting: Promise<void> | undefined
  #stopping: Promise<void> | undefined
  #resolveStopped: () => void = () => {}
  #idle: (() => void) | undefined
  #started = 0
  #settled = 0
  #stuck = 0

  constructor(runtime: BrokerRuntime, settings: WorkerSettings) {
    this.#runtime = runtime
    this.#settings = settings
    this.name = settings.name
    this.queues = settings.queues
    this.stopped = new Promise((resolve) => (this.#resolveStopped = resolve))
    const { logger, random } = runtime.surroundings
    this.#emitter = new WorkerEmitter((error) =>
      logger.error('a listener of the worker threw', { error }),
    )
    this.#slots = new Slots(settings.concurrency, settings.prefetch)
    const storeFailed = (error: unknown): void => this.#storeFailed(error)
    this.#settler = new Settler(runtime, this.#giveUp.signal, storeFailed)
    this.#finisher = new Finisher(runtime, this.#settler, storeFailed)
    this.#executor = new Executor({
      runtime,
      unknownTask: settings.unknownTask,
      redeliveries: settings.redeliveries,
      lease: settings.lease,
      grace: settings.grace,
      onStart: (run) =>
        this.#emitter.has('task-started') && this.#emitter.emit('task-started', factOf(run)),
      onStuck: (run, seconds) => this.#reportStuck(run, seconds),
    })
    this.#receiver = new Receiver({
      transport: runtime.transport,
      surroundings: { ...runtime.surroundings, random },
      queues: settings.queues,
      lease: settings.lease,
      room: () =>
        this.#started + this.#slots.waiting >= settings.maxTasks ? 0 : this.#slots.room(),
      suspects: () => this.#slots.suspectRoom(),
      known: () => [...this.#held.values()],
      take: (deliveries) => this.#take(deliveries),
      onError: storeFailed,
    })
  }

  get counts(): WorkerCounts {
    return {
      running: this.#slots.running,
      prefetched: this.#slots.waiting,
      settled: this.#settled,
      stuck: this.#stuck,
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
    this.#starting ??= this.#start()
    return this.#starting
  }

  async #start(): Promise<void> {
    const { surroundings, transport } = this.#runtime
    const { lease, stallLimit } = this.#settings
    await this.#runtime.start()
    this.#keeper = transport.keepLeases({
      lease,
      every: Math.floor(lease / beatsPerLease),
      stallLimit,
      onLost: (claims) => this.#lost(claims),
      onCancelled: (claim, reason) => this.#cancelled(claim, reason),
      onError: (error) => this.#storeFailed(error),
    })
    this.#stalls = watchStalls(surroundings.clock, (ms) => {
      const running = [...this.#runs.values()].map((run) => run.taskName)
      surroundings.logger.warn(
        `the event loop was blocked for ${ms} ms: use \`isolate\` for work that does not await`,
        { running },
      )
      this.#emitter.emit('loop-stalled', { milliseconds: ms, running })
    })
    this.#receiver.start()
    this.#emitter.emit('started', { queues: this.queues })
  }

  stop(options?: { timeout?: Duration | undefined }): Promise<void> {
    const timeout =
      options?.timeout === undefined
        ? this.#settings.shutdownTimeout
        : milliseconds(options.timeout)
    if (this.#stopping === undefined) this.#stopping = this.#stop()
    // Every call may shorten the wait, none lengthens it.
    if (timeout === 0) this.#hurry.abort()
    else if (!this.#hurry.signal.aborted) {
      const timer = this.#runtime.surroundings.clock.after(timeout, () => this.#hurry.abort())
      void this.stopped.then(() => timer.cancel())
    }
    return this.#stopping
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  async #stop(reason = 'stop'): Promise<void> {
    if (this.#starting !== undefined) {
      // A worker that could not start has nothing to give back.
      await this.#starting.catch(() => {})
      await this.#receiver.stop()
      await this.#giveBack(this.#slots.drain())
      await Promise.race([this.#untilIdle(), aborted(this.#hurry.signal)])
      for (const run of this.#runs.values()) {
        run.interrupt({ kind: 'shutdown', error: new Error('the worker is shutting down') })
      }
      // Aborted handlers have their grace; a store that stays away after that is given up on.
      const patience = this.#runtime.surroundings.clock.after(
        this.#settings.grace + storePatience,
        () => this.#giveUp.abort(),
      )
      await this.#untilIdle()
      await this.#settler.idle()
      patience.cancel()
      this.#giveUp.abort()
      this.#stalls?.stop()
      await this.#keeper?.stop()
    }
    this.#emitter.emit('stopped', { reason })
    this.#resolveStopped()
  }

  #take(deliveries: readonly Delivery[]): void {
    if (deliveries.length === 0) return
    for (const delivery of deliveries) this.#held.set(delivery.token, delivery)
    this.#keeper?.keep(deliveries)
    this.#slots.add(deliveries)
    this.#startWaiting()
  }

  #startWaiting(): void {
    if (this.#stopping !== undefined) return
    while (this.#started < this.#settings.maxTasks) {
      const delivery = this.#slots.next()
      if (delivery === undefined) return
      this.#started++
      void this.#runOne(delivery)
    }
    void this.stop()
  }

  async #runOne(delivery: Delivery): Promise<void> {
    const run = new Run(delivery, this.#runtime.surroundings.clock)
    this.#runs.set(delivery.token, run)
    const early = this.#settings.ack === 'early'
    try {
      const mine = early ? await this.#finisher.acknowledge(run) : true
      if (mine) await this.#end(run, early)
    } catch (error) {
      // The store was given up on (shutdown): the lease ends by itself and the message comes back.
      this.#storeFailed(error)
    }
    this.#runs.delete(delivery.token)
    this.#forget([delivery])
    this.#slots.free(delivery)
    if (this.#runs.size === 0) this.#idle?.()
    this.#startWaiting()
    this.#receiver.roomChanged()
  }

  async #end(run: Run, early: boolean): Promise<void> {
    const end = await this.#executor.execute(run)
    if (end.kind === 'give-back' && !early) return this.#giveBack([run.delivery])
    if (end.kind === 'drop' && end.lost) this.#emitter.emit('task-lost', factOf(run))
    if (end.kind !== 'settle') return
    const settled = await this.#finisher.finish(run, end, early)
    if (settled === undefined) {
      this.#emitter.emit('task-lost', factOf(run))
      return
    }
    this.#settled++
    if (this.#emitter.has('task-settled')) {
      this.#emitter.emit('task-settled', { ...factOf(run), ...settled, seconds: end.seconds })
    }
  }

  async #giveBack(deliveries: readonly Delivery[]): Promise<void> {
    if (deliveries.length === 0) return
    try {
      await this.#runtime.transport.release(deliveries)
    } catch (error) {
      // Their leases end by themselves.
      this.#storeFailed(error)
    }
    this.#forget(deliveries)
  }

  #forget(claims: readonly Claim[]): void {
    for (const claim of claims) this.#held.delete(claim.token)
    this.#keeper?.forget(claims)
  }

  #lost(claims: readonly Claim[]): void {
    for (const claim of claims) {
      this.#held.delete(claim.token)
      const error = new LeaseLostError(
        `the lease of message ${claim.id} was lost: another worker may run it.`,
      )
      this.#runs.get(claim.token)?.interrupt({ kind: 'lost', error })
      this.#slots.remove(claim.token)
    }
    this.#receiver.roomChanged()
  }

  #cancelled(claim: Claim, reason: string): void {
    const run = this.#runs.get(claim.token)
    if (run !== undefined) {
      run.interrupt({ kind: 'cancelled', error: new TaskCancelledError(reason) })
      return
    }
    // Not started yet: it goes through the executor with the flag, which settles it without a run.
    const waiting = this.#slots.remove(claim.token)
    if (waiting !== undefined) this.#take([{ ...waiting, cancelled: reason }])
  }

  #reportStuck(run: Run, seconds: number): void {
    this.#stuck++
    this.#runtime.surroundings.logger.error(
      'a task did not end after it was aborted: its slot was freed, but it may still be running. Look at ctx.signal in it, or use `isolate`',
      { task: run.taskName, id: run.delivery.id, seconds: Math.round(seconds) },
    )
    this.#emitter.emit('task-stuck', { ...factOf(run), seconds })
  }

  #storeFailed(error: unknown): void {
    this.#runtime.surroundings.logger.warn('the store failed; trying again', { error })
    this.#emitter.emit('store-failed', { error })
  }

  #untilIdle(): Promise<void> {
    if (this.#runs.size === 0) return Promise.resolve()
    return new Promise((resolve) => (this.#idle = resolve))
  }
}

function factOf(run: Run): TaskFact {
  return {
    id: run.delivery.id,
    task: run.taskName,
    queue: run.delivery.queue,
    attempt: run.attempt,
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}
