import { loopLeaseKeeper } from '../../coalescing/loop-lease-keeper.ts'
import type { Clock } from '../../core/clock.ts'
import type { Claim, Delivery, LeaseToken } from '../../core/delivery.ts'
import type { Body, Envelope } from '../../core/message.ts'
import type { ResultBackend } from '../../core/result-backend.ts'
import type { StoredResult } from '../../core/result.ts'
import type { SettleStatus, Settlement } from '../../core/settlement.ts'
import type {
  CancelAnswer,
  ExtendReport,
  LeaseKeeper,
  LeaseKeeperOptions,
  NextRequest,
  ReceiveRequest,
  SettledAndNext,
  SendStatus,
  Transport,
} from '../../core/transport.ts'
import type { Activity } from './activity.ts'
import type { FaultPlan, KillStep, StoreOperation, Subject } from './faults.ts'
import { ForwardingResults, ForwardingTransport } from './forwarding-store.ts'
import { never, type Life } from './life.ts'
import type { Schedule } from './seeded-schedule.ts'

/** Told of what the store has done, in the step in which it did it. */
export interface StoreWatch {
  stored(envelopes: readonly Envelope[], statuses: readonly SendStatus[]): void
  settled(settlements: readonly Settlement[], statuses: readonly SettleStatus[]): void
  /** Handed to a worker. */
  claimed(deliveries: readonly Delivery[]): void
  /** Claimed, but the answer was lost. */
  unanswered(deliveries: readonly Delivery[]): void
  /** What had been lost was found again. */
  recovered(deliveries: readonly Delivery[]): void
  released(claims: readonly Claim[]): void
  /** A result was saved outside a settlement. */
  saved(results: readonly StoredResult[]): void
  /** Leases were taken or renewed for so many milliseconds. */
  leased(lease: number): void
}

/** What a {@link FaultyTransport} acts under. */
export interface FaultyOptions {
  readonly schedule: Schedule
  readonly faults: FaultPlan
  readonly activity: Activity
  readonly watch: StoreWatch
  readonly life: Life
  readonly clock: Clock
  /** Which task a message is for, by its id or, for one that is new, by its bytes. */
  readonly subjectOf: (message: { readonly id: string; readonly body?: Body }) => Subject
  /** Kills the owner of this transport. */
  readonly kill: () => void
  /** Ends the lease of a claim in the store. */
  readonly expire: (claim: Claim) => Promise<void>
  /** Claims in another way than the store does by itself. */
  readonly claim?: Claiming | undefined
  /** What a settle claims besides; absent: nothing. */
  readonly claimNext?: Claiming | undefined
}

/** How messages are claimed. */
export type Claiming = (inner: Transport, request: ReceiveRequest) => Promise<readonly Delivery[]>

/**
 * A transport that works as the one inside it, until a test says otherwise: its answers come in the
 * order of a {@link Schedule}, calls fail or lose their answers as planned, and its owner may vanish in
 * the middle of one. Without any of that it keeps every promise of the contract.
 */
export class FaultyTransport extends ForwardingTransport {
  readonly #options: FaultyOptions
  readonly #underWay = new Set<Promise<unknown>>()
  readonly #kept = new Set<LeaseToken>()
  #stop = new AbortController()

  constructor(inner: Transport, options: FaultyOptions) {
    super(inner)
    this.#options = options
  }

  /** How many deliveries are in somebody's hands: their leases are kept for exactly that time. */
  get held(): number {
    return this.#kept.size
  }

  override async start(): Promise<void> {
    if (this.#stop.signal.aborted) this.#stop = new AbortController()
    await this.inner.start()
  }

  /** Calls that were made before may still wait for their turn. */
  override async stop(): Promise<void> {
    this.#stop.abort()
    await Promise.allSettled(this.#underWay)
    await this.inner.stop()
  }

  override send(envelopes: readonly Envelope[]): Promise<readonly SendStatus[]> {
    return this.#call('send', this.#subjects(envelopes), async () => {
      const statuses = await this.inner.send(envelopes)
      this.#options.watch.stored(envelopes, statuses)
      return statuses
    })
  }

  override async receive(request: ReceiveRequest): Promise<readonly Delivery[]> {
    const { schedule, life, faults, watch, claim } = this.#options
    const stop = this.#stop.signal
    if (stop.aborted) return this.inner.receive(request)
    const asked = { ...request, signal: AbortSignal.any([request.signal, stop]) }
    await this.#turn()
    if (stop.aborted) return []
    const found =
      claim === undefined ? await this.inner.receive(asked) : await claim(this.inner, asked)
    if (life.over) await never()
    if (found.length === 0) return found
    watch.leased(request.lease)
    // A claim that is made only when a message comes fails only then: the wait before it is no call.
    const subjects = this.#subjects(found)
    const failure = faults.failure('receive', subjects, 'before')
    if (failure !== undefined) {
      await this.inner.release(found)
      watch.released(found)
      throw failure
    }
    await this.#mayDie('receive', subjects)
    const lost = faults.failure('receive', subjects, 'after')
    if (lost !== undefined) watch.unanswered(found)
    await schedule.turn()
    if (life.over) await never()
    if (lost !== undefined) throw lost
    watch.claimed(found)
    return found
  }

  override settle(settlements: readonly Settlement[]): Promise<readonly SettleStatus[]> {
    return this.#settle(settlements, async () => {
      const statuses = await this.inner.settle(settlements)
      this.#options.watch.settled(settlements, statuses)
      return statuses
    })
  }

  override async settleAndReceive(
    settlements: readonly Settlement[],
    next: NextRequest,
  ): Promise<SettledAndNext> {
    const { watch, claimNext } = this.#options
    if (claimNext === undefined) return { statuses: await this.settle(settlements), next: [] }
    const { signal } = this.#stop
    const answer = await this.#settle(settlements, async () => {
      const done = {
        statuses: await this.inner.settle(settlements),
        next: await claimNext(this.inner, { ...next, suspects: 0, wait: 0, signal }),
      }
      watch.settled(settlements, done.statuses)
      watch.leased(next.lease)
      // Until the answer is here.
      watch.unanswered(done.next)
      return done
    })
    watch.claimed(answer.next)
    return answer
  }

  #settle<T>(settlements: readonly Settlement[], effect: () => Promise<T>): Promise<T> {
    const { faults, expire } = this.#options
    const claims = settlements.map(({ claim }) => claim)
    return this.#call('settle', this.#subjects(claims), async () => {
      for (const claim of claims) {
        if (faults.takes('deliver twice', this.#subjects([claim]))) await expire(claim)
      }
      return effect()
    })
  }

  override extend(claims: readonly Claim[], lease: number): Promise<ExtendReport> {
    return this.#call('extend', this.#subjects(claims), async () => {
      const report = await this.inner.extend(claims, lease)
      this.#options.watch.leased(lease)
      return report
    })
  }

  override recover(known: readonly LeaseToken[], lease: number): Promise<readonly Delivery[]> {
    return this.#call(undefined, [], async () => {
      const found = await this.inner.recover(known, lease)
      this.#options.watch.leased(lease)
      this.#options.watch.recovered(found)
      return found
    })
  }

  override release(claims: readonly Claim[]): Promise<readonly SettleStatus[]> {
    return this.#call(undefined, [], async () => {
      const statuses = await this.inner.release(claims)
      this.#options.watch.released(claims)
      return statuses
    })
  }

  override cancel(
    ids: readonly string[],
    options: { reason: string; lease: number },
  ): Promise<readonly CancelAnswer[]> {
    return this.#call(undefined, [], async () => {
      const answers = await this.inner.cancel(ids, options)
      this.#options.watch.leased(options.lease)
      return answers
    })
  }

  /** Renews through `extend` of this transport, so that a renewal can fail, be late or be lost as well. */
  override keepLeases(options: LeaseKeeperOptions): LeaseKeeper {
    const kept = this.#kept
    const drop = (claims: readonly Claim[]): void => {
      for (const { token } of claims) kept.delete(token)
      this.#options.activity.touch()
    }
    const own = loopLeaseKeeper(
      (claims, lease) => this.extend(claims, lease),
      this.#options.clock,
      {
        ...options,
        onLost: (claims) => {
          drop(claims)
          options.onLost(claims)
        },
      },
    )
    // The engine's own keeper renews nothing here. It is kept for what it is told at once: cancels.
    const pushes = this.inner.keepLeases({
      ...options,
      every: Infinity,
      onLost: () => {},
      onCancelled: (claim, reason) => own.cancelled(claim, reason),
      onError: () => {},
    })
    return {
      keep(claims) {
        for (const { token } of claims) kept.add(token)
        own.keep(claims)
        pushes.keep(claims)
      },
      forget(claims) {
        drop(claims)
        own.forget(claims)
        pushes.forget(claims)
      },
      async stop() {
        await Promise.all([own.stop(), pushes.stop()])
      },
    }
  }

  /** The way of every call but `receive`. */
  #call<T>(
    operation: StoreOperation | undefined,
    subjects: readonly Subject[],
    effect: () => Promise<T>,
  ): Promise<T> {
    const answer = this.#answer(operation, subjects, effect)
    this.#underWay.add(answer)
    const done = (): void => void this.#underWay.delete(answer)
    answer.then(done, done)
    return answer
  }

  async #answer<T>(
    operation: StoreOperation | undefined,
    subjects: readonly Subject[],
    effect: () => Promise<T>,
  ): Promise<T> {
    const { faults, activity, schedule, life } = this.#options
    await this.#turn()
    const refused = operation && faults.failure(operation, subjects, 'before')
    if (refused !== undefined) throw refused
    if (operation === 'settle') await this.#mayDie('before-settle', subjects)
    const answer = await activity.call(effect)
    if (operation === 'settle') await this.#mayDie('after-settle', subjects)
    const lost = operation && faults.failure(operation, subjects, 'after')
    await schedule.turn()
    if (life.over) await never()
    if (lost !== undefined) throw lost
    return answer
  }

  async #mayDie(step: KillStep, subjects: readonly Subject[]): Promise<void> {
    const { faults, life, kill } = this.#options
    if (life.over) await never()
    if (faults.takes(`kill at ${step}`, subjects)) kill()
    if (life.over) await never()
  }

  async #turn(): Promise<void> {
    const { schedule, life } = this.#options
    if (life.over) await never()
    await schedule.turn()
    if (life.over) await never()
  }

  #subjects(
    messages: readonly { readonly id: string; readonly body?: Body }[],
  ): readonly Subject[] {
    return messages.map(this.#options.subjectOf)
  }
}

/** The results beside a {@link FaultyTransport}: in the order of the same schedule, gone with the same owner. */
export class FaultyResults extends ForwardingResults {
  readonly #options: FaultyOptions

  constructor(inner: ResultBackend, options: FaultyOptions) {
    super(inner)
    this.#options = options
  }

  override save(results: readonly StoredResult[]): Promise<readonly Body[]> {
    return this.#call(async () => {
      const kept = await this.inner.save(results)
      this.#options.watch.saved(results)
      return kept
    })
  }

  override get(ids: readonly string[]): Promise<readonly (Body | null)[]> {
    return this.#call(() => this.inner.get(ids))
  }

  override async wait(id: string, options: { signal: AbortSignal }): Promise<Body> {
    const body = await this.inner.wait(id, options)
    await this.#options.schedule.turn()
    return body
  }

  override saveProgress(claim: Claim, body: Body, expiresIn: number): Promise<boolean> {
    return this.#call(() => this.inner.saveProgress(claim, body, expiresIn))
  }

  override getProgress(ids: readonly string[]): Promise<readonly (Body | null)[]> {
    return this.#call(() => this.inner.getProgress(ids))
  }

  async #call<T>(effect: () => Promise<T>): Promise<T> {
    const { schedule, life, activity } = this.#options
    if (life.over) await never()
    await schedule.turn()
    if (life.over) await never()
    const answer = await activity.call(effect)
    await schedule.turn()
    if (life.over) await never()
    return answer
  }
}
