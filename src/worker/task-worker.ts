import { milliseconds, type Duration } from '../core/duration.ts'
import type { Claim, Delivery, LeaseToken } from '../core/delivery.ts'
import { LeaseLostError, NotStartedError, TaskCancelledError } from '../core/errors.ts'
import { failpoint } from '../core/failpoint.ts'
import type { SettleStatus } from '../core/settlement.ts'
import type { BrokerRuntime } from '../broker/runtime.ts'
import { Executor, type RunEnd } from './executor.ts'
import { Finisher, type Settled } from './finisher.ts'
import { Hands } from './hands.ts'
import { Patience } from './patience.ts'
import { Receiver } from './receiver.ts'
import { Run } from './run.ts'
import { Settler } from './settler.ts'
import { Slots } from './slots.ts'
import { watchStalls } from './stall-watch.ts'
import { WorkerEmitter, type TaskFact, type WorkerEvents } from './worker-events.ts'
import type { WorkerSettings } from './worker-settings.ts'
import type { WorkerCounts, Worker } from './worker.ts'

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
  readonly #giveUp = new AbortController()
  readonly #hurry = new AbortController()
  readonly #hands: Hands
  readonly #patience: Patience
  readonly #settler: Settler
  readonly #finisher: Finisher
  readonly #executor: Executor
  readonly #receiver: Receiver
  #stalls: { stop(): void } | undefined
  #starting: Promise<void> | undefined
  #stopping: Promise<void> | undefined
  #resolveStopped: () => void = () => {}
  readonly #idle: (() => void)[] = []
  #started = 0
  #settled = 0
  #stuck = 0

  constructor(runtime: BrokerRuntime, settings: WorkerSettings) {
    this.#runtime = runtime
    this.#settings = settings
    this.name = settings.name
    this.queues = settings.queues
    this.stopped = new Promise((resolve) => (this.#resolveStopped = resolve))
    const { logger } = runtime.surroundings
    this.#emitter = new WorkerEmitter((error) =>
      logger.error('a listener of the worker threw', { error }),
    )
    this.#slots = new Slots(settings.concurrency, settings.prefetch)
    this.#hands = new Hands(runtime)
    this.#patience = new Patience({
      surroundings: runtime.surroundings,
      giveUp: this.#giveUp.signal,
      onError: (error) => this.#storeFailed(error),
    })
    this.#settler = new Settler(runtime, this.#patience)
    this.#finisher = new Finisher({
      runtime,
      settler: this.#settler,
      patience: this.#patience,
      lease: settings.lease,
    })
    this.#executor = new Executor({
      runtime,
      unknownTask: settings.unknownTask,
      redeliveries: settings.redeliveries,
      lease: settings.lease,
      grace: settings.grace,
      patience: this.#patience,
      acknowledge: settings.ack === 'early' ? (run) => this.#acknowledge(run) : undefined,
      onStart: (run) =>
        this.#emitter.has('task-started') && this.#emitter.emit('task-started', factOf(run)),
      onStuck: (run, seconds) => this.#reportStuck(run, seconds),
    })
    this.#receiver = new Receiver({
      runtime,
      queues: settings.queues,
      lease: settings.lease,
      room: () =>
        Math.min(settings.maxTasks - this.#started - this.#slots.waiting, this.#slots.room()),
      suspects: () => this.#slots.suspectRoom(),
      take: (deliveries) => this.#take(deliveries),
      onError: (error) => this.#storeFailed(error),
      onClosed: () => void this.#end('the broker was stopped', this.#settings.shutdownTimeout),
    })
  }

  get counts(): WorkerCounts {
    return {
      running: this.#slots.running,
      settling: this.#slots.settling,
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
      const givenBack = this.#giveBack(this.#slots.drain())
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
      await givenBack
      await this.#settler.idle()
      failpoint('stop.idle')
      patience.cancel()
      this.#giveUp.abort()
      this.#stalls?.stop()
      await this.#hands.close().catch((error: unknown) => this.#storeFailed(error))
    }
    this.#emitter.emit('stopped', { reason })
    this.#resolveStopped()
  }

  #take(deliveries: readonly Delivery[]): void {
    if (deliveries.length === 0) return
    for (const delivery of deliveries) if (delivery.redeliveries > 0) this.#supersede(delivery)
    this.#hands.keep(deliveries)
    this.#slots.add(deliveries)
    this.#startWaiting()
  }

  /**
   * A claim that was lost without our knowing came back to this very worker: the older one must not run
   * beside the newer, nor after a cancel that came between them.
   */
  #supersede({ id }: Delivery): void {
    const running = [...this.#runs.values()].map(({ delivery }) => delivery)
    this.#lost([...running.filter((one) => one.id === id), ...this.#slots.waitingFor(id)])
  }

  #startWaiting(): void {
    if (this.#stopping !== undefined) return
    while (this.#started < this.#settings.maxTasks) {
      const delivery = this.#slots.next()
      if (delivery === undefined) return
      this.#started++
      this.#inSlot(delivery)
    }
    // Nobody is in a hurry: what runs may end.
    void this.#end('maxTasks', Infinity)
  }

  #inSlot(delivery: Delivery): void {
    this.#runOne(delivery, {
      ended: () => {
        this.#slots.ended()
        this.#startWaiting()
      },
      over: () => {
        this.#slots.settled(delivery)
        this.#startWaiting()
        this.#receiver.roomChanged()
      },
    })
  }

  /**
   * From its first look to its end in the store. Callbacks instead of async functions: on the way of
   * every task each promise counts, twice where async hooks are on.
   */
  #runOne(delivery: Delivery, { ended, over }: OnTheWay): void {
    const run = new Run(delivery, this.#runtime.surroundings.clock)
    this.#runs.set(delivery.token, run)
    const gone = (): void => {
      this.#runs.delete(delivery.token)
      this.#hands.drop([delivery])
      if (this.#runs.size === 0) for (const resolve of this.#idle.splice(0)) resolve()
      over()
    }
    this.#execute(run, ended).then(gone, (error: unknown) => {
      // Shutdown gave the store up, or it refused even to note a failure: the lease ends by itself and
      // the message comes back.
      this.#runtime.surroundings.logger.error(
        'how a message ended could not be stored: it will be delivered again when its lease ends',
        { task: run.taskName, id: delivery.id, error },
      )
      this.#emitter.emit('store-failed', { error })
      gone()
    })
  }

  #execute(run: Run, ended: () => void): Promise<void> {
    const store = (end: RunEnd): void | Promise<void> => {
      ended()
      switch (end.kind) {
        case 'give-back':
          return run.acknowledged ? this.#finisher.sendAgain(run) : this.#giveBack([run.delivery])
        case 'lost':
          return this.#emitter.emit('task-lost', factOf(run))
        case 'committed':
          return this.#reportSettled(run, { status: 'succeeded', detail: undefined }, end.seconds)
        case 'settle':
          failpoint('finish.before')
          return this.#finisher.finish(run, end).then((settled) => {
            failpoint('finish.after')
            if (settled === undefined) this.#emitter.emit('task-lost', factOf(run))
            else this.#reportSettled(run, settled, end.seconds)
          })
      }
    }
    return this.#executor.execute(run).then(store, (error: unknown) => {
      ended()
      throw error
    })
  }

  #reportSettled(run: Run, settled: Settled, seconds: number): void {
    this.#settled++
    if (!this.#emitter.has('task-settled')) return
    this.#emitter.emit('task-settled', { ...factOf(run), ...settled, seconds })
  }

  /** From then on the store has no claim of ours any more: it must not seem lost. */
  async #acknowledge(run: Run): Promise<SettleStatus> {
    const status = await this.#finisher.acknowledge(run)
    if (status === 'settled') this.#hands.drop([run.delivery])
    return status
  }

  async #giveBack(deliveries: readonly Delivery[]): Promise<void> {
    if (deliveries.length === 0) return
    try {
      failpoint('give-back.before')
      await this.#patience.insist(() => this.#runtime.transport.release(deliveries))
      failpoint('give-back.after')
    } catch (error) {
      // Their leases end by themselves.
      this.#storeFailed(error)
    }
    this.#hands.drop(deliveries)
  }

  #lost(claims: readonly Claim[]): void {
    this.#hands.drop(claims)
    for (const claim of claims) {
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
    // Not started yet: it goes through the executor with the flag, which settles it without a run, and
    // needs no slot for that.
    const waiting = this.#slots.remove(claim.token)
    if (waiting === undefined) return
    this.#runOne(
      { ...waiting, cancelled: reason },
      { ended: () => {}, over: () => this.#receiver.roomChanged() },
    )
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
    return new Promise((resolve) => this.#idle.push(resolve))
  }
}

/** Who is told of the two steps of a delivery. */
interface OnTheWay {
  /** Its handler has ended, or it was not to run. */
  readonly ended: () => void
  /** It is out of our hands. */
  readonly over: () => void
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
