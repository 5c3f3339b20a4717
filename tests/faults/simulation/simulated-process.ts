import { StoreError } from '../../../src/core/errors.ts'
import { silentLogger } from '../../../src/core/logger.ts'
import { seededRandom, type Random } from '../../../src/core/random.ts'
import type { Claim, Delivery } from '../../../src/core/delivery.ts'
import type { LeaseKeeper, LeaseKeeperOptions, Transport } from '../../../src/core/transport.ts'
import type { TransportFactory } from '../../../src/core/vendor.ts'
import { createBroker } from '../../../src/broker/create-broker.ts'
import type { Broker } from '../../../src/broker/broker.ts'
import { loopLeaseKeeper } from '../../../src/coalescing/loop-lease-keeper.ts'
import type { MemoryStore } from '../../../src/memory/memory-store.ts'
import type { Fact, Ledger } from '../worker/ledger.ts'
import { recorded } from '../worker/recording-transport.ts'
import { wrapTransport } from '../worker/wrap-transport.ts'
import type { Mutation } from './mutations.ts'
import type { Weather } from './weather.ts'
import { ProcessClock, type World } from './world.ts'

/** What a simulated process is made of. */
export interface ProcessOptions {
  readonly pid: number
  readonly world: World
  readonly store: MemoryStore
  readonly factory: TransportFactory
  readonly seed: number
  readonly lease: number
  readonly mutation: Mutation | undefined
  /** The weather now. */
  readonly weather: () => Weather
  readonly tell: (pid: number, facts: readonly Fact[]) => void
  /** The store has handed these out; the answer is on its way. */
  readonly claimed: (pid: number, deliveries: readonly Delivery[]) => void
  /** The store has ended these claims, or taken them back. */
  readonly ended: (claims: readonly Claim[], again: boolean) => void
}

/** A process with a broker of its own on the common store, that can vanish, freeze and be cut off. */
export class SimulatedProcess {
  readonly pid: number
  readonly clock: ProcessClock
  readonly broker: Broker
  readonly ledger: Ledger
  /** Until when it may have been unable to keep its leases. */
  hinderedUntil = -Infinity
  readonly #options: ProcessOptions
  readonly #random: Random
  #transport: Transport | undefined
  #hindered = false
  #onTheWay = 0

  constructor(options: ProcessOptions) {
    const { pid, world, seed, factory, mutation, tell } = options
    this.pid = pid
    this.#options = options
    this.#random = seededRandom(seed)
    this.clock = new ProcessClock(world)
    this.ledger = { write: (...facts) => this.alive && tell(pid, facts), close: () => {} }
    const mutated = mutation?.transport
    const inner =
      mutated === undefined
        ? factory
        : wrapTransport(factory, (transport) => mutated(transport, options.store))
    const faulty = wrapTransport(inner, (transport) => this.#faulty(transport))
    this.broker = createBroker({
      transport: recorded(faulty, this.ledger),
      clock: this.clock,
      random: seededRandom(seed + 1),
      logger: silentLogger,
      lineage: false,
      resultExpiresIn: '300d',
    })
  }

  get alive(): boolean {
    return !this.clock.dead
  }

  /** A call of it, or the answer to one, is on its way. */
  get expecting(): boolean {
    return this.#onTheWay > 0
  }

  /** It ends here and now, in the middle of whatever it does. */
  vanish(): void {
    if (!this.alive) return
    const { tell, pid } = this.#options
    tell(0, [
      { kind: 'fault', fault: 'kill', target: pid },
      { kind: 'gone', target: pid, how: 'SIGKILL' },
    ])
    this.clock.die()
    // A dead process waits for nothing: its long poll must not be handed anything.
    void this.#transport?.stop()
  }

  /** It stands still. */
  freeze(ms: number): void {
    this.clock.freeze(ms)
    this.hinder(ms)
  }

  /** For so long, and until a renewal has come through, its leases may end under it. */
  hinder(ms: number): void {
    const { world, tell, pid, lease } = this.#options
    this.hinderedUntil = Math.max(this.hinderedUntil, world.elapsed + ms + lease)
    if (this.#hindered) return
    this.#hindered = true
    tell(0, [{ kind: 'fault', fault: 'stop', target: pid }])
  }

  #unhindered(): void {
    const { world, tell, pid } = this.#options
    if (!this.#hindered || world.elapsed < this.hinderedUntil) return
    this.#hindered = false
    tell(0, [{ kind: 'healed', fault: 'stop', target: pid }])
  }

  #faulty(inner: Transport): Partial<Transport> {
    this.#transport = inner
    const { store, claimed, ended, pid, mutation } = this.#options
    const claims = (work: () => Promise<readonly Delivery[]>): Promise<readonly Delivery[]> =>
      this.#call(async () => {
        const deliveries = await work()
        claimed(pid, deliveries)
        return deliveries
      }, true)
    const call = <T>(work: () => Promise<T>, keeps = false): Promise<T> => this.#call(work, keeps)
    const extend: Transport['extend'] = (claims, lease) =>
      call(() => inner.extend(claims, lease), true)
    return {
      send: (envelopes) => call(() => inner.send(envelopes)),
      receive: async (request) => {
        const deliveries = await claims(() => inner.receive(request))
        return mutation?.dropsAborted === true && request.signal.aborted ? [] : deliveries
      },
      recover: (known, lease) => claims(() => inner.recover(known, lease)),
      settle: (settlements) =>
        call(async () => {
          const statuses = await inner.settle(settlements)
          const done = settlements.filter((_, i) => statuses[i] === 'settled')
          const retried = done.filter(({ outcome }) => outcome.kind === 'retry')
          ended(
            retried.map(({ claim }) => claim),
            true,
          )
          return statuses
        }),
      release: (held) =>
        call(async () => {
          const statuses = await inner.release(held)
          ended(
            held.filter((_, i) => statuses[i] === 'settled'),
            false,
          )
          return statuses
        }),
      cancel: (ids, options) =>
        call(async () => {
          const answers = await inner.cancel(ids, options)
          claimed(
            pid,
            answers.flatMap((one) => (one.state === 'waiting' ? [one.delivery] : [])),
          )
          return answers
        }),
      extend,
      keepLeases: (options) =>
        this.#options.mutation?.neverRenews === true
          ? idleKeeper
          : this.#keeper(extend, options, store),
    }
  }

  /** The keeper of the memory transport, but for its renewals, which go the faulty way. */
  #keeper(
    extend: Transport['extend'],
    options: LeaseKeeperOptions,
    store: MemoryStore,
  ): LeaseKeeper {
    const inner = loopLeaseKeeper(
      async (claims, lease) => {
        const report = await extend(claims, lease)
        this.#unhindered()
        return report
      },
      this.clock,
      options,
    )
    const hear = (claim: Claim, reason: string): void =>
      void this.clock.after(0, () => inner.cancelled(claim, reason))
    store.cancelListeners.add(hear)
    return {
      keep(claims) {
        inner.keep(claims)
        for (const claim of claims) {
          const reason = store.held(claim)?.cancelled
          if (reason !== undefined) hear(claim, reason)
        }
      },
      forget: (claims) => inner.forget(claims),
      stop() {
        store.cancelListeners.delete(hear)
        return inner.stop()
      },
    }
  }

  async #call<T>(work: () => Promise<T>, keeps: boolean): Promise<T> {
    const { lease } = this.#options
    await this.#travel(this.#random.next() < 0.3 ? 1 + 9 * this.#random.next() : 0)
    const { refused, lost, slow, vanish } = this.#options.weather()
    const fate = this.#random.next()
    if (fate < vanish / 2) return this.#vanishing()
    if (fate < vanish / 2 + refused) {
      if (keeps) this.hinder(0)
      throw new StoreError('the store is away', { transient: true })
    }
    const answer = await work()
    if (!this.alive) return never()
    const fateAfter = this.#random.next()
    if (fateAfter < vanish / 2) return this.#vanishing()
    const isSlow = fateAfter < vanish / 2 + slow
    const isLost = !isSlow && fateAfter < vanish / 2 + slow + lost
    const late = isSlow ? lease * (0.5 + this.#random.next()) : 0
    if (keeps && (isSlow || isLost)) this.hinder(late)
    await this.#travel(late + (this.#random.next() < 0.4 ? 1 + 39 * this.#random.next() : 0))
    if (isLost) throw new StoreError('the answer was lost', { transient: true })
    return answer
  }

  #vanishing(): Promise<never> {
    this.vanish()
    return never()
  }

  #travel(ms: number): Promise<void> {
    if (ms === 0 && this.alive) return Promise.resolve()
    this.#onTheWay++
    return new Promise((resolve) =>
      this.clock.after(ms, () => {
        this.#onTheWay--
        resolve()
      }),
    )
  }
}

const idleKeeper: LeaseKeeper = { keep() {}, forget() {}, stop: async () => {} }

function never(): Promise<never> {
  return new Promise(() => {})
}
