import type { Timer } from '../core/clock.ts'
import type { Claim, Delivery, LeaseToken } from '../core/delivery.ts'
import { LeaseLostError, TaskCancelledError } from '../core/errors.ts'
import { failpoint } from '../core/failpoint.ts'
import type { SettleStatus } from '../core/settlement.ts'
import { apartId, forgetApart } from '../broker/claim-check.ts'
import type { BrokerRuntime } from '../broker/runtime.ts'
import { Executor, type RunEnd } from './executor.ts'
import { Finisher, type FinishListener } from './finisher.ts'
import { ForeignFires } from './foreign-fires.ts'
import type { Hands } from './hands.ts'
import type { Patience } from './patience.ts'
import { Run } from './run.ts'
import type { Settler } from './settler.ts'
import type { Slots } from './slots.ts'
import { StartCheck } from './start-check.ts'
import type { TaskFact, WorkerEmitter } from './worker-events.ts'
import type { WorkerSettings } from './worker-settings.ts'

/** Milliseconds for which a cancel that was heard meets deliveries that were on their way. */
const heardFor = 2000

/** What {@link Runs} work with. */
export interface RunsOptions {
  readonly runtime: BrokerRuntime
  readonly settings: WorkerSettings
  readonly slots: Slots
  readonly hands: Hands
  readonly patience: Patience
  readonly settler: Settler
  readonly emitter: WorkerEmitter
  /** Tasks that are not to be started now. */
  readonly pausedTasks: ReadonlySet<string>
  /** There may be room for more. */
  readonly onRoom: () => void
  /** Less is to be fetched ahead than a fetch under way was told; resolves when that has ended. */
  readonly onOverrun: () => Promise<void>
  /** So many have been started as this worker is to run. */
  readonly onEnough: () => void
  readonly onStoreFailed: (error: unknown) => void
}

/**
 * The deliveries in the hands of a worker, from the claim to the end in the store: those that wait for
 * a slot are started, each runs in the executor, and its end goes through the finisher.
 */
export class Runs {
  readonly #options: RunsOptions
  /** Each knows its place. No map: one that fills and empties with each batch keeps its dead entries from the collector. */
  readonly #runs: Run[] = []
  readonly #executor: Executor
  readonly #foreignFires: ForeignFires | undefined
  readonly #finisher: Finisher
  readonly #idle: (() => void)[] = []
  /** What was heard to be cancelled in the last moments. */
  readonly #heard = new Map<string, string>()
  readonly #listener: FinishListener
  #filling = false
  #overrun: Timer | undefined
  #closed = false
  #started = 0
  #settled = 0
  #stuck = 0

  constructor(options: RunsOptions) {
    this.#options = options
    const { runtime, settings, settler, patience, emitter } = options
    const { lease, ack, unknownTask, redeliveries, grace } = settings
    const { logger } = runtime.surroundings
    // Where nobody else reads and writes, nobody else fires.
    this.#foreignFires = runtime.transport.capabilities.foreignReaders
      ? new ForeignFires(settings.foreignFires, logger)
      : undefined
    this.#finisher = new Finisher({ runtime, settler, patience, lease })
    this.#executor = new Executor({
      runtime,
      unknownTask,
      pausedTasks: options.pausedTasks,
      foreignFires: this.#foreignFires,
      redeliveries,
      lease,
      grace,
      patience,
      startCheck: new StartCheck(runtime, patience),
      acknowledge: ack === 'early' ? (run) => this.#acknowledge(run) : undefined,
      onStart: (run) => emitter.has('task-started') && emitter.emit('task-started', factOf(run)),
      onStuck: (run, seconds) => this.#reportStuck(run, seconds),
      onEnd: (run, end) => this.#store(run, end),
      onFailure: (run, error) => this.#notStored(run, error),
    })
    this.#listener = {
      finished: (run, settled, seconds) => {
        try {
          failpoint('finish.after')
        } catch (error) {
          return this.#failed(run, error)
        }
        if (settled === undefined) emitter.emit('task-lost', factOf(run))
        else this.#reportSettled(run, settled, seconds)
        this.#over(run)
      },
      failed: (run, error) => this.#failed(run, error),
    }
  }

  /** Runs that were started and not yet are out of our hands. */
  get size(): number {
    return this.#runs.length
  }
  /** How many more may be started. */
  get left(): number {
    return this.#options.settings.maxTasks - this.#started
  }
  get settled(): number {
    return this.#settled
  }
  get stuck(): number {
    return this.#stuck
  }
  get foreignFires(): number {
    return this.#foreignFires?.count ?? 0
  }
  /** Names of the tasks under way. */
  get names(): string[] {
    return this.#runs.map((run) => run.taskName)
  }

  /** Takes what was claimed. */
  take(deliveries: readonly Delivery[]): void {
    if (deliveries.length === 0) return
    for (const delivery of deliveries) if (delivery.redeliveries > 0) this.#supersede(delivery)
    this.#options.hands.keep(deliveries)
    this.#options.slots.add(deliveries)
  }

  /** Starts what waits, as far as there are slots. */
  fill(): void {
    // A message that ends at once comes back here from within the loop, which goes on by itself.
    if (this.#filling || this.#closed) return
    this.#filling = true
    const { maxTasks } = this.#options.settings
    while (this.#started < maxTasks) {
      const delivery = this.#options.slots.next()
      if (delivery === undefined) break
      this.#started++
      this.#run(delivery, true)
    }
    this.#filling = false
    if (this.#started >= maxTasks) this.#options.onEnough()
    this.#watchOverrun()
  }

  /**
   * What was fetched ahead is given back when no slot comes free in time: others may have one. A timer for
   * many runs, since most end soon.
   */
  #watchOverrun(): void {
    const { slots, runtime } = this.#options
    if (this.#overrun !== undefined || slots.waiting === 0 || slots.running === 0) return
    const started = this.#started
    const { overrunAfter } = slots
    this.#overrun = runtime.surroundings.clock.after(
      overrunAfter,
      () => {
        this.#overrun = undefined
        if (this.#closed) return
        if (started !== this.#started) return this.#watchOverrun()
        slots.overran(overrunAfter)
        // A fetch that waits would claim at once what is given back.
        void this.#options.onOverrun().then(() => this.giveBackWaiting())
      },
      { background: true },
    )
  }

  /** Nothing is started from now on. */
  close(): void {
    this.#closed = true
    this.#overrun?.cancel()
  }

  /** Gives back what has not started. */
  giveBackWaiting(): Promise<void> {
    return this.#giveBack(this.#options.slots.drain())
  }

  /** Gives back what has not started of these queues. */
  giveBackQueues(queues: ReadonlySet<string>): Promise<void> {
    return this.#giveBack(this.#options.slots.drainQueues(queues))
  }

  /** What runs now. */
  get active(): readonly (TaskFact & { readonly seconds: number })[] {
    const now = this.#options.runtime.surroundings.clock.monotonic()
    return this.#runs
      .filter(({ startedAt }) => startedAt >= 0)
      .map((run) => ({ ...factOf(run), seconds: (now - run.startedAt) / 1000 }))
  }

  /** Aborts all that run, for a shutdown. */
  interrupt(): void {
    for (const run of this.#runs.slice())
      run.interrupt({ kind: 'shutdown', error: new Error('the worker is shutting down') })
  }

  /** Resolves when nothing is under way. */
  idle(): Promise<void> {
    if (this.#runs.length === 0) return Promise.resolve()
    return new Promise((resolve) => this.#idle.push(resolve))
  }

  /** These are not ours any more. */
  lost(claims: readonly Claim[]): void {
    const { hands, slots, onRoom } = this.#options
    hands.drop(claims)
    for (const claim of claims) {
      const error = new LeaseLostError(
        `the lease of message ${claim.id} was lost: another worker may run it.`,
      )
      this.#find(claim.token)?.interrupt({ kind: 'lost', error })
      slots.remove(claim.token)
    }
    onRoom()
  }

  /** The message of this claim was cancelled. */
  cancelled(claim: Claim, reason: string): void {
    const run = this.#find(claim.token)
    if (run !== undefined) {
      run.interrupt({ kind: 'cancelled', error: new TaskCancelledError(reason) })
      return
    }
    // Not started yet: it goes through the executor with the flag, which settles it without a run, and
    // needs no slot for that.
    const waiting = this.#options.slots.remove(claim.token)
    if (waiting !== undefined) this.#run({ ...waiting, cancelled: reason }, false)
  }

  /**
   * Messages of these ids were cancelled while somebody held them. One whose delivery is still on its way here
   * was claimed before that: it is met by what was heard.
   */
  cancelById(ids: readonly string[], reason: string): void {
    const { slots, runtime } = this.#options
    for (const id of ids) {
      this.#heard.set(id, reason)
      const held = this.#runs.map(({ delivery }) => delivery).filter((one) => one.id === id)
      for (const claim of [...held, ...slots.waitingFor(id)]) this.cancelled(claim, reason)
    }
    const forget = (): void => {
      for (const id of ids) this.#heard.delete(id)
    }
    runtime.surroundings.clock.after(heardFor, forget, { background: true })
  }

  /**
   * A claim that was lost without our knowing came back to this very worker: the older one must not run
   * beside the newer, nor after a cancel that came between them.
   */
  #supersede({ id }: Delivery): void {
    const running = this.#runs.map(({ delivery }) => delivery).filter((one) => one.id === id)
    this.lost([...running, ...this.#options.slots.waitingFor(id)])
  }

  #run(given: Delivery, inSlot: boolean): void {
    const reason = this.#heard.size === 0 ? undefined : this.#heard.get(given.id)
    const delivery = reason === undefined ? given : { ...given, cancelled: reason }
    const run = new Run(delivery, this.#options.runtime.surroundings.clock, inSlot)
    run.place = this.#runs.push(run) - 1
    this.#executor.execute(run)
  }

  /** Its handler has ended, or was not to run: the slot is free, and the store is told. */
  #store(run: Run, end: RunEnd): void {
    const { slots } = this.#options
    if (run.inSlot) slots.ended()
    if (end.kind === 'settle') slots.took(end.seconds * 1000)
    switch (end.kind) {
      case 'settle':
        try {
          failpoint('finish.before')
        } catch (error) {
          this.#failed(run, error)
          break
        }
        this.#finisher.finish(run, end, this.#listener)
        break
      case 'give-back':
        ;(run.acknowledged ? this.#finisher.sendAgain(run) : this.#giveBack([run.delivery])).then(
          () => this.#over(run),
          (error: unknown) => this.#failed(run, error),
        )
        break
      case 'lost':
        this.#options.emitter.emit('task-lost', factOf(run))
        this.#over(run)
        break
      case 'committed':
        this.#reportSettled(run, { status: 'succeeded', detail: undefined }, end.seconds)
        this.#over(run)
    }
    // Behind the settle, so that the next claim goes to the store together with it.
    this.fill()
    this.#options.onRoom()
  }

  #notStored(run: Run, error: unknown): void {
    if (run.inSlot) this.#options.slots.ended()
    this.#failed(run, error)
  }

  /**
   * Shutdown gave the store up, or it refused even to note a failure: the lease ends by itself and the
   * message comes back.
   */
  #failed(run: Run, error: unknown): void {
    this.#options.runtime.surroundings.logger.error(
      'how a message ended could not be stored: it will be delivered again when its lease ends',
      { task: run.taskName, id: run.delivery.id, error },
    )
    this.#options.emitter.emit('store-failed', { error })
    this.#over(run)
  }

  /** It is out of our hands. */
  #over(run: Run): void {
    const { hands, slots, onRoom } = this.#options
    const { delivery, inSlot } = run
    this.#remove(run)
    hands.drop([delivery])
    if (this.#runs.length === 0) for (const resolve of this.#idle.splice(0)) resolve()
    if (inSlot) {
      slots.settled(delivery)
      this.fill()
    }
    onRoom()
  }

  #remove({ place }: Run): void {
    const last = this.#runs.pop()
    if (last === undefined || last.place === place) return
    this.#runs[place] = last
    last.place = place
  }

  #find(token: LeaseToken): Run | undefined {
    return this.#runs.find(({ delivery }) => delivery.token === token)
  }

  /** From then on the store has no claim of ours any more: it must not seem lost. */
  async #acknowledge(run: Run): Promise<SettleStatus> {
    const status = await this.#finisher.acknowledge(run)
    if (status === 'settled') this.#options.hands.drop([run.delivery])
    return status
  }

  async #giveBack(deliveries: readonly Delivery[]): Promise<void> {
    if (deliveries.length === 0) return
    const { runtime, patience, hands, onStoreFailed } = this.#options
    try {
      failpoint('give-back.before')
      await patience.insist(() => runtime.transport.release(deliveries))
      failpoint('give-back.after')
    } catch (error) {
      // Their leases end by themselves.
      onStoreFailed(error)
    }
    hands.drop(deliveries)
  }

  #reportSettled(run: Run, settled: Parameters<FinishListener['finished']>[1], seconds: number) {
    const { emitter, runtime } = this.#options
    this.#settled++
    if (run.steps !== undefined && settled?.status === 'succeeded') void run.steps.forget()
    const labels = run.message?.labels
    if (settled !== undefined && labels !== undefined && apartId(labels) !== undefined)
      void forgetApart(runtime, [{ labels, status: settled.status }])
    if (settled === undefined || !emitter.has('task-settled')) return
    emitter.emit('task-settled', { ...factOf(run), ...settled, seconds })
  }

  #reportStuck(run: Run, seconds: number): void {
    this.#stuck++
    this.#options.runtime.surroundings.logger.error(
      'a task did not end after it was aborted: its slot was freed, but it may still be running. Look at ctx.signal in it, or use `isolate`',
      { task: run.taskName, id: run.delivery.id, seconds: Math.round(seconds) },
    )
    this.#options.emitter.emit('task-stuck', { ...factOf(run), seconds })
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
