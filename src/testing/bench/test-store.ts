import type { Claim, Delivery } from '../../core/delivery.ts'
import type { Inspector } from '../../core/inspector.ts'
import type { ReceiveRequest, Transport } from '../../core/transport.ts'
import type { OpenTransport, Surroundings, TransportFactory } from '../../core/vendor.ts'
import { memoryTransport } from '../../memory/memory-transport.ts'
import { claimAll } from './claim-one.ts'
import type { FaultPlan } from './faults.ts'
import type { Schedule } from './seeded-schedule.ts'
import { queueNames } from '../../worker/queue-shares.ts'
import type { WorkerOptions } from '../../worker/worker-options.ts'

/** What {@link TestStore} needs. */
export interface TestStoreOptions {
  readonly faults: FaultPlan
  readonly schedule: Schedule
  /** The queues that workers take from; all that are seen when absent. */
  readonly queues: WorkerOptions['queues']
}

/** How many messages are where. */
export interface StoreCounts {
  readonly queued: number
  readonly scheduled: number
  /** Under a lease, of whomever. */
  readonly running: number
}

/**
 * The one memory store of a test, with what the kit does to it besides sending and working: it knows
 * the queues, claims in another order, and ends leases before their time.
 */
export class TestStore {
  readonly #options: TestStoreOptions
  readonly #memory: TransportFactory = memoryTransport()
  readonly #queues: Set<string>
  #queuesChanged = new AbortController()
  #own: OpenTransport | undefined

  constructor(options: TestStoreOptions) {
    this.#options = options
    this.#queues = new Set(queueNames(options.queues ?? []))
  }

  get name(): string {
    return this.#memory.name
  }

  /** An instance for the broker itself. The kit looks into the store through it. */
  openOwn(surroundings: Surroundings): OpenTransport {
    this.#own = this.#memory.create(surroundings)
    return this.#own
  }

  /** An instance for a worker. */
  open(surroundings: Surroundings): OpenTransport {
    return this.#memory.create(surroundings)
  }

  /** Messages are sent to this queue: workers take from it from now on. */
  seen(queue: string): void {
    if (this.#options.queues !== undefined || this.#queues.has(queue)) return
    this.#queues.add(queue)
    this.#queuesChanged.abort()
    this.#queuesChanged = new AbortController()
  }

  /** A request for all queues that workers take from. */
  widened(request: ReceiveRequest): ReceiveRequest {
    // Named ones are what is asked for; the order of a request means something where it has shares.
    if (this.#options.queues !== undefined) return request
    return { ...request, queues: [...new Set([...request.queues, ...this.#queues])] }
  }

  /**
   * Claims for a worker among several: waits as the store does, for a part of the room that is drawn, so
   * that others get their share; with `faults.reorder()` drawn from all that waits.
   */
  async claimSome(inner: Transport, request: ReceiveRequest): Promise<readonly Delivery[]> {
    const { schedule, faults } = this.#options
    for (;;) {
      const changed = this.#queuesChanged.signal
      const wide = {
        ...this.widened(request),
        room: 1 + schedule.draw(request.room),
        signal: AbortSignal.any([request.signal, changed]),
      }
      const found = await inner.receive(wide)
      if (found.length > 0) {
        return faults.reordering
          ? this.#drawn(inner, { ...wide, room: found.length }, found)
          : found
      }
      if (request.signal.aborted || request.wait !== undefined || !changed.aborted) return found
    }
  }

  /** Ends the lease of a claim that was made through `inner`, and lets the store notice it. */
  async expire(inner: Transport, claim: Claim): Promise<void> {
    await inner.extend([claim], 0)
    await this.#sweep([claim.queue])
  }

  /** Lets the store notice which leases have ended: it does so when somebody asks for messages. */
  sweep(): Promise<void> {
    return this.#sweep([...this.#queues])
  }

  async #sweep(queues: readonly string[]): Promise<void> {
    const own = this.#own?.transport
    if (own === undefined || queues.length === 0) return
    const { signal } = new AbortController()
    const found = await claimAll(own, { queues, room: 1, lease: 1_000, signal })
    if (found.length > 0) await own.release(found)
  }

  /** Whether this message could be claimed now. */
  async isReady(id: string): Promise<boolean> {
    const [state] = (await this.#own?.inspector?.states([id])) ?? []
    return state === 'queued'
  }

  /** What there is in the queues that workers take from. */
  async counts(): Promise<StoreCounts> {
    const all = (await this.#own?.inspector?.queues()) ?? []
    const sum = { queued: 0, scheduled: 0, running: 0 }
    for (const { queue, queued, scheduled, running } of all) {
      if (!this.#queues.has(queue)) continue
      sum.queued += queued
      sum.scheduled += scheduled
      sum.running += running
    }
    return sum
  }

  async #drawn(
    inner: Transport,
    request: ReceiveRequest,
    found: readonly Delivery[],
  ): Promise<readonly Delivery[]> {
    const rest = [...found, ...(await claimAll(inner, request))]
    const drawn: Delivery[] = []
    while (drawn.length < request.room) {
      drawn.push(...rest.splice(this.#options.schedule.draw(rest.length), 1))
    }
    if (rest.length > 0) await inner.release(rest)
    return drawn
  }
}

/** An inspector whose `retryDead` is followed by `after`. */
export function inspectorWith(inner: Inspector, after: () => Promise<void>): Inspector {
  return {
    queues: () => inner.queues(),
    peek: (queue, page) => inner.peek(queue, page),
    scheduled: (queue, page) => inner.scheduled(queue, page),
    states: (ids) => inner.states(ids),
    keyHolders: (keys) => inner.keyHolders(keys),
    deadLetters: (page) => inner.deadLetters(page),
    deadLetter: (id) => inner.deadLetter(id),
    deleteDead: (ids) => inner.deleteDead(ids),
    trimDead: (trim) => inner.trimDead(trim),
    async retryDead(ids, bodies) {
      const found = await inner.retryDead(ids, bodies)
      await after()
      return found
    },
  }
}
