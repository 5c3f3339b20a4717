import type { Clock, Timer } from '../core/clock.ts'
import type { Logger } from '../core/logger.ts'
import type { Random } from '../core/random.ts'
import type {
  ChildEnd,
  ChildLink,
  ChildMessage,
  WorkerFacts,
  WorkerPlan,
} from './child-protocol.ts'
import { exitCodes, type ExitCode } from './exit-codes.ts'
import { FailedStarts, healthyAfter, mostFailedStarts, restartDelay } from './restart-policy.ts'

/*
 * The parent of the worker processes. It runs no user code, so nothing that a task does can stop it.
 *
 *   starting ──ready──▶ running ──drain──▶ leaving ──end──▶ (gone)
 *      └───────────── dies ─────┴── back-off ──▶ starting
 *
 * Each place (`slot`) has at most one child that works, and any number that are leaving: a child that is
 * recycled for its memory or its count of tasks is replaced at once, because its last task may take
 * long. A child that ends unasked is restarted with a growing, jittered delay. Modules that do not load
 * would do so for ever: the very first start stops the whole at once, later ones after five in a row.
 */

/** What a supervisor is made of. */
export interface SupervisorOptions {
  readonly plan: WorkerPlan
  readonly workers: number
  /** Bytes of resident memory beyond which a child is replaced. */
  readonly maxMemory: number | undefined
  /** Keep waiting for a change instead of ending when modules do not load. */
  readonly reload: boolean
  readonly fork: () => ChildLink
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** The first child is ready. */
  readonly onReady: (facts: WorkerFacts) => void
}

interface Child {
  readonly link: ChildLink
  readonly slot: number
  readonly startedAt: number
  ready: boolean
  /** It was asked to end, or said that it will. */
  leaving: boolean
  failure: Extract<ChildMessage, { kind: 'failed' }> | undefined
  lastHeard: number
  readonly ended: Promise<void>
}

interface Slot {
  child: Child | undefined
  deaths: number
  restart: Timer | undefined
}

/** Beyond its patience a draining child gets this long to abort and give back before it is looked at. */
const settlingTime = 15_000
/** A child that has not been heard for this long is blocked. */
const silence = 10_000

/** Keeps a number of worker processes running. */
export class Supervisor {
  readonly #options: SupervisorOptions
  readonly #slots: Slot[]
  readonly #children = new Set<Child>()
  readonly #failedStarts = new FailedStarts()
  #wasReady = false
  #stopping = false
  #rolling: Promise<void> | undefined
  #exitCode: ExitCode = exitCodes.done
  #finish: (code: ExitCode) => void = () => {}
  readonly #done: Promise<ExitCode>

  constructor(options: SupervisorOptions) {
    this.#options = options
    this.#slots = Array.from({ length: options.workers }, () => ({
      child: undefined,
      deaths: 0,
      restart: undefined,
    }))
    this.#done = new Promise((resolve) => (this.#finish = resolve))
  }

  /** Starts the children; resolves with the exit code when the last has ended. */
  run(): Promise<ExitCode> {
    for (const slot of this.#slots.keys()) void this.#start(slot)
    return this.#done
  }

  /** Ends all children when their tasks have ended, or after the shutdown timeout. */
  drain(reason: string): void {
    this.#stop(exitCodes.done)
    for (const child of this.#children) this.#drainChild(child, reason)
  }

  /** Aborts what runs; it is given back, and no attempt of it is used up. */
  abort(): void {
    this.#stop(exitCodes.done)
    for (const child of this.#children) {
      child.leaving = true
      child.link.send({ kind: 'abort' })
      this.#killWhenBlocked(child, settlingTime)
    }
  }

  /** Ends everything at once. What ran comes back when its lease ends. */
  kill(): void {
    this.#stop(exitCodes.interrupted)
    for (const child of this.#children) child.link.kill()
    this.#finish(exitCodes.interrupted)
  }

  /** Replaces the children one after the other, the next when the last is ready. */
  restartOneByOne(): Promise<void> {
    return this.#replaceAll((replace) =>
      this.#slots.reduce(async (before, _, slot) => {
        await before
        await replace(slot)
      }, Promise.resolve()),
    )
  }

  /** Drains all children at once and starts them anew. */
  restartAll(): Promise<void> {
    this.#failedStarts.clear()
    return this.#replaceAll(async (replace) => {
      await Promise.all([...this.#slots.keys()].map(replace))
    })
  }

  /** One replacement at a time; a call during one joins a run after it. */
  #replaceAll(work: (replace: (slot: number) => Promise<void>) => Promise<void>): Promise<void> {
    const before = this.#rolling ?? Promise.resolve()
    const run = before.then(() => work((slot) => this.#replace(slot)))
    this.#rolling = run
    return run
  }

  async #replace(index: number): Promise<void> {
    const slot = this.#slots[index]
    if (slot === undefined || this.#stopping) return
    slot.restart?.cancel()
    slot.restart = undefined
    slot.deaths = 0
    const old = slot.child
    slot.child = undefined
    if (old !== undefined) {
      this.#drainChild(old, 'restart')
      await old.ended
    }
    // It may have been asked to stop, or to restart, while the old one drained.
    if (this.#stopping || this.#slots[index]?.child !== undefined) return
    await this.#start(index)
  }

  /** Starts a child in a slot; the promise resolves when it is ready or has ended. */
  #start(index: number): Promise<void> {
    const { plan, clock, fork, logger } = this.#options
    const link = fork()
    let ended: () => void = () => {}
    let settled: () => void = () => {}
    const isSettled = new Promise<void>((resolve) => (settled = resolve))
    const now = clock.monotonic()
    const child: Child = {
      link,
      slot: index,
      startedAt: now,
      ready: false,
      leaving: false,
      failure: undefined,
      lastHeard: now,
      ended: new Promise((resolve) => (ended = resolve)),
    }
    this.#children.add(child)
    const slot = this.#slots[index]
    if (slot !== undefined) slot.child = child
    link.onMessage((message) => {
      child.lastHeard = clock.monotonic()
      this.#heard(child, message)
      if (child.ready) settled()
    })
    link.onEnd((end) => {
      this.#children.delete(child)
      this.#ended(child, end)
      ended()
      settled()
    })
    link.send({ kind: 'start', slot: index + 1, plan })
    logger.debug('worker process started', { worker: index + 1, child: link.pid })
    return isSettled
  }

  #heard(child: Child, message: ChildMessage): void {
    const { logger, maxMemory, onReady } = this.#options
    const fields = { worker: child.slot + 1, child: child.link.pid }
    switch (message.kind) {
      case 'ready':
        child.ready = true
        this.#failedStarts.clear()
        if (!this.#wasReady) onReady(message.facts)
        this.#wasReady = true
        logger.info('ready', { ...fields, name: message.facts.name })
        return
      case 'pulse':
        if (maxMemory !== undefined && message.rss > maxMemory && !child.leaving) {
          const memory = `${Math.round(message.rss / 2 ** 20)} MB`
          logger.info('has grown too large and is replaced', { ...fields, memory })
          // As long as its tasks need: what is aborted for its memory would only run again.
          child.link.send({ kind: 'drain', reason: 'memory' })
          this.#recycle(child)
        }
        return
      case 'leaving':
        if (!child.leaving) logger.info('has run its share of tasks and is replaced', fields)
        this.#recycle(child)
        return
      case 'failed':
        child.failure = message
        return
    }
  }

  /** Puts a new child in the place of one that is leaving by itself. */
  #recycle(child: Child): void {
    child.leaving = true
    const slot = this.#slots[child.slot]
    if (slot?.child !== child || this.#stopping) return
    slot.child = undefined
    slot.deaths = 0
    void this.#start(child.slot)
  }

  #ended(child: Child, end: ChildEnd): void {
    const { logger, reload, clock } = this.#options
    const slot = this.#slots[child.slot]
    const wasCurrent = slot?.child === child
    if (slot !== undefined && wasCurrent) slot.child = undefined
    const fields = { worker: child.slot + 1, child: child.link.pid }
    const asAsked = child.leaving || this.#stopping
    if (asAsked || slot === undefined || !wasCurrent) {
      // What it held comes back when its leases end.
      if (end.code === 0) logger.debug('worker process ended', fields)
      else logger.warn(`died while it drained: ${wayOf(end)}`, fields)
      if (this.#stopping && this.#children.size === 0) this.#finish(this.#exitCode)
      return
    }
    const { failure } = child
    const reason = failure?.message ?? `it ended before it was ready: ${wayOf(end)}`
    if (!child.ready) {
      const hopeless = failure?.phase === 'load' && !this.#wasReady
      if (reload && failure?.phase === 'load') {
        this.#reportOnce(`${reason}\nWaiting for a change.`)
        return
      }
      if (this.#failedStarts.add(reason) || hopeless) {
        this.#giveUp(reason, hopeless)
        return
      }
    }
    slot.deaths = clock.monotonic() - child.startedAt >= healthyAfter ? 1 : slot.deaths + 1
    const delay = restartDelay(slot.deaths, this.#options.random)
    const what = child.ready ? `died: ${wayOf(end)}` : `could not start: ${reason}`
    logger.error(`${what}; it is started again in ${delay} ms`, fields)
    slot.restart = clock.after(delay, () => {
      slot.restart = undefined
      if (!this.#stopping && slot.child === undefined) void this.#start(child.slot)
    })
  }

  #lastReported = ''
  /** All children fail for the same reason at about the same time: it is said once. */
  #reportOnce(text: string): void {
    if (text === this.#lastReported) return
    this.#lastReported = text
    this.#options.logger.error(text)
    this.#options.clock.after(1000, () => (this.#lastReported = ''), { background: true })
  }

  #giveUp(reason: string, atOnce: boolean): void {
    this.#options.logger.error(
      atOnce ? reason : `${reason}\nIt failed ${mostFailedStarts} times in a row: stopping.`,
    )
    this.#stop(exitCodes.failed)
    this.#exitCode = exitCodes.failed
    for (const child of this.#children) this.#drainChild(child, 'stop')
    if (this.#children.size === 0) this.#finish(exitCodes.failed)
  }

  #drainChild(child: Child, reason: string): void {
    child.leaving = true
    const { shutdownTimeout } = this.#options.plan
    child.link.send({ kind: 'drain', patience: shutdownTimeout, reason })
    this.#killWhenBlocked(child, shutdownTimeout + settlingTime)
  }

  /**
   * A handler that blocks the event loop can neither be told to stop nor be waited for: a child that is
   * over its time and has not been heard of is killed; its messages come back when their leases end.
   */
  #killWhenBlocked(child: Child, after: number): void {
    const { clock, logger } = this.#options
    const look = (): void => {
      if (!this.#children.has(child)) return
      if (clock.monotonic() - child.lastHeard < silence) {
        this.#killWhenBlocked(child, silence / 2)
        return
      }
      const fields = { worker: child.slot + 1, child: child.link.pid }
      logger.error('is blocked by a task and is killed', fields)
      child.link.kill()
    }
    clock.after(after, look, { background: true })
  }

  #stop(code: ExitCode): void {
    if (!this.#stopping) this.#exitCode = code
    this.#stopping = true
    for (const slot of this.#slots) {
      slot.restart?.cancel()
      slot.restart = undefined
    }
    if (this.#children.size === 0) this.#finish(this.#exitCode)
  }
}

function wayOf({ code, signal }: ChildEnd): string {
  if (signal !== null) return signal === 'SIGKILL' ? 'SIGKILL (out of memory?)' : signal
  return code === null ? 'it could not be started' : `exit code ${code}`
}
