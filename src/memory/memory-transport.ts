import { loopLeaseKeeper, type LoopLeaseKeeper } from '../coalescing/loop-lease-keeper.ts'
import type { Clock } from '../core/clock.ts'
import type { Claim, Delivery, LeaseToken } from '../core/delivery.ts'
import { InvalidInputError, NotStartedError } from '../core/errors.ts'
import type { Envelope } from '../core/message.ts'
import type { SettleStatus, Settlement } from '../core/settlement.ts'
import type { StoreIdentity } from '../core/store.ts'
import type {
  CancelAnswer,
  ExtendReport,
  LeaseKeeper,
  LeaseKeeperOptions,
  NextRequest,
  QueueSettings,
  ReceiveRequest,
  SendStatus,
  SettledAndNext,
  Transport,
} from '../core/transport.ts'
import type { TransportFactory } from '../core/vendor.ts'
import { memoryCapabilities } from './memory-capabilities.ts'
import { MemoryControl } from './memory-control.ts'
import { MemoryInspector } from './memory-inspector.ts'
import { MemoryLocks } from './memory-locks.ts'
import { MemoryRates } from './memory-rates.ts'
import { MemoryLedger } from './memory-ledger.ts'
import { MemoryScheduleSource } from './memory-schedule-source.ts'
import type { ClaimOwner } from './memory-message.ts'
import { MemoryResultBackend } from './memory-result-backend.ts'
import type { MemoryStore } from './memory-store.ts'
import { MemoryWorkflowStore } from './memory-workflow-store.ts'
import { memoryStore } from './named-stores.ts'
import { WaitingReceive } from './waiting-receive.ts'

/** Options of {@link memoryTransport}. */
export interface MemoryTransportOptions {
  /**
   * Names a store of this process: all transports and result backends of that name share it, and it
   * lives as long as the process. Default: a store of its own for each call of `memoryTransport`.
   */
  readonly store?: string | undefined
}

/**
 * Keeps messages and results in the memory of this process: for tests, for trying out, and for work
 * that may be lost when the process ends. Everything else is as on any other transport: leases,
 * redeliveries, dead letters, priorities, delays and caps.
 *
 * @example
 * const broker = createBroker({ transport: memoryTransport() })
 */
export function memoryTransport(options: MemoryTransportOptions = {}): TransportFactory {
  const store = memoryStore(options.store)
  return {
    kind: 'transport',
    name: 'memory',
    create({ clock }) {
      const transport = new MemoryTransport(store, clock)
      return {
        transport,
        results: new MemoryResultBackend(store, clock),
        inspector: new MemoryInspector(store, clock),
        locks: new MemoryLocks(store.holds, clock),
        rates: new MemoryRates(store.rates, clock),
        control: new MemoryControl(store.control),
        ledger: new MemoryLedger(store, clock),
        plans: new MemoryScheduleSource(store),
        workflows: new MemoryWorkflowStore(store, clock, () => transport.started),
      }
    },
  }
}

class MemoryTransport implements Transport {
  readonly name = 'memory'
  readonly capabilities = memoryCapabilities
  readonly store: StoreIdentity
  readonly #store: MemoryStore
  readonly #clock: Clock
  readonly #owner: ClaimOwner = { lastQueue: undefined }
  readonly #receives = new Set<WaitingReceive>()
  readonly #keepers = new Set<LoopLeaseKeeper>()
  #started = false

  get started(): boolean {
    return this.#started
  }

  constructor(store: MemoryStore, clock: Clock) {
    this.#store = store
    this.store = store.identity
    this.#clock = clock
    store.carriesMessages = true
  }

  async start(): Promise<void> {
    this.#started = true
    this.#store.cancelListeners.add(this.#onCancel)
  }

  async stop(): Promise<void> {
    this.#started = false
    this.#store.cancelListeners.delete(this.#onCancel)
    for (const receive of this.#receives) receive.end()
    await Promise.all([...this.#keepers].map((keeper) => keeper.stop()))
  }

  async send(envelopes: readonly Envelope[]): Promise<readonly SendStatus[]> {
    return this.#open().send(envelopes, this.#clock.now())
  }

  async receive(request: ReceiveRequest): Promise<readonly Delivery[]> {
    const store = this.#open()
    const { room, lease, signal, wait, early = false, suspects = Infinity, shares } = request
    if (!(room >= 1)) throw new InvalidInputError(`room is a number of 1 or more, not ${room}.`)
    if (signal.aborted) return []
    const queues = this.#queuesOf(request)
    const claim = (): Delivery[] =>
      store.claim({ queues, room, lease, early, suspects, shares }, this.#owner, this.#clock.now())
    const found = claim()
    if (found.length > 0 || wait === 0) return found
    const waiting = new WaitingReceive({ clock: this.#clock, queues, claim, signal, wait, early })
    this.#receives.add(waiting)
    try {
      return await waiting.deliveries
    } finally {
      this.#receives.delete(waiting)
    }
  }

  async settle(settlements: readonly Settlement[]): Promise<readonly SettleStatus[]> {
    return this.#open().settle(settlements, this.#clock.now())
  }

  async settleAndReceive(
    settlements: readonly Settlement[],
    next: NextRequest,
  ): Promise<SettledAndNext> {
    const store = this.#open()
    const now = this.#clock.now()
    const { room, lease } = next
    const queues = this.#queuesOf(next)
    const request = { queues, room, lease, early: false, suspects: 0, shares: undefined }
    let claimed: readonly Delivery[] = []
    const statuses = store.settle(settlements, now, () => {
      claimed = store.claim(request, this.#owner, now)
    })
    return { statuses, next: claimed }
  }

  async extend(claims: readonly Claim[], lease: number): Promise<ExtendReport> {
    return this.#open().extend(claims, lease, this.#clock.now())
  }

  async recover(known: readonly LeaseToken[], lease: number): Promise<readonly Delivery[]> {
    return this.#open().recover(known, { owner: this.#owner, lease, now: this.#clock.now() })
  }

  async release(claims: readonly Claim[]): Promise<readonly SettleStatus[]> {
    return this.#open().release(claims)
  }

  async cancel(
    ids: readonly string[],
    { reason, lease }: { reason: string; lease: number },
  ): Promise<readonly CancelAnswer[]> {
    const claimant = { owner: this.#owner, lease, now: this.#clock.now() }
    return this.#open().cancel(ids, reason, claimant)
  }

  keepLeases(options: LeaseKeeperOptions): LeaseKeeper {
    const inner = loopLeaseKeeper(
      (claims, lease) => this.extend(claims, lease),
      this.#clock,
      options,
    )
    this.#keepers.add(inner)
    return {
      keep: (claims) => {
        inner.keep(claims)
        // Whoever cancelled between the claim and this call found nobody to tell.
        for (const claim of claims) {
          const reason = this.#store.held(claim)?.cancelled
          if (reason !== undefined) this.#onCancel(claim, reason)
        }
      },
      forget: (claims) => inner.forget(claims),
      stop: () => {
        this.#keepers.delete(inner)
        return inner.stop()
      },
    }
  }

  async configureQueues(settings: Readonly<Record<string, QueueSettings>>): Promise<void> {
    this.#open().configure(settings)
  }

  async configureGates(limits: Readonly<Record<string, number | null>>): Promise<void> {
    this.#open().configureGates(limits)
  }

  #queuesOf({ queues }: { readonly queues: readonly string[] }) {
    return [...new Set(queues)].map((name) => this.#store.queue(name))
  }

  // Told in a turn of its own: neither the canceller nor the holder runs inside the other's call.
  readonly #onCancel = (claim: Claim, reason: string): void =>
    queueMicrotask(() => {
      for (const keeper of this.#keepers) keeper.cancelled(claim, reason)
    })

  #open(): MemoryStore {
    if (this.#started) return this.#store
    throw new NotStartedError('the memory transport is not started: call broker.start() first.')
  }
}
