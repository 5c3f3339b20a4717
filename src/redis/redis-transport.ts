import { checkPlace, describePlace } from '../connections/redis/redis-place.ts'
import type { Claim, Delivery, LeaseToken } from '../core/delivery.ts'
import { InvalidInputError, NotStartedError } from '../core/errors.ts'
import type { Envelope } from '../core/message.ts'
import type { Settlement, SettleStatus } from '../core/settlement.ts'
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
import { BlockingReads } from './blocking-reads.ts'
import { cancel } from './cancel.ts'
import { removeConsumers } from './consumers.ts'
import { lastWords } from './last-words.ts'
import { LeaseThread } from './lease-thread.ts'
import { Janitor } from './janitor.ts'
import { extend, recover, release } from './leases.ts'
import { PoppedTransport } from './popped-transport.ts'
import { RedisReceiver } from './receive.ts'
import { redisCapabilities, sharedQueue } from './redis-capabilities.ts'
import { RedisControl } from './redis-control.ts'
import { RedisInspector } from './redis-inspector.ts'
import { RedisLedger } from './redis-ledger.ts'
import { RedisLocks } from './redis-locks.ts'
import { RedisRates } from './redis-rates.ts'
import { RedisPlans } from './redis-plans.ts'
import type { RedisOptions } from './redis-options.ts'
import { RedisResults } from './redis-result-backend.ts'
import { gateLimitScript } from './scripts/gate-script.ts'
import { RedisStore } from './redis-store.ts'
import { RedisWorkflowStore } from './redis-workflow-store.ts'
import { checkServer, EpochWatch } from './server-checks.ts'
import { checkEnvelope, RedisSender } from './send.ts'
import { checkSettlement, settle } from './settle.ts'

/**
 * Keeps messages, dead letters and results in Redis or Valkey (6.2 or newer), on the streams, the group
 * and the keys of TaskIQ, so that Python workers and callers share them. Needs the package ioredis, which
 * is loaded when the broker starts. Starting checks that the server is fit to hold messages: it fails where
 * they could be lost or misread, and warns of what else may surprise.
 *
 * @example
 * ```ts
 * import { createBroker } from 'taskwright'
 * import { redisTransport } from 'taskwright/redis'
 *
 * export const broker = createBroker({ transport: redisTransport({ url: 'redis://127.0.0.1:6379' }) })
 * ```
 * @throws InvalidInputError for options that are wrong.
 */
export function redisTransport(options: RedisOptions): TransportFactory {
  checkPlace(options)
  const { taskiq = 'stream' } = options
  if (!['stream', 'list', 'pubsub'].includes(taskiq)) {
    throw new InvalidInputError("redisTransport: `taskiq` is 'stream', 'list' or 'pubsub'.")
  }
  return {
    kind: 'transport',
    name: 'redis',
    where: describePlace(options),
    queue: sharedQueue,
    create(around) {
      const store = new RedisStore(options, around)
      const janitor = new Janitor(store, { trims: options.keepAcknowledged !== true })
      const transport = new RedisTransport(store, janitor)
      if (taskiq !== 'stream') {
        return {
          transport: new PoppedTransport(transport, store, taskiq),
          results: new RedisResults(store),
          inspector: new RedisInspector(store),
          locks: new RedisLocks(store),
        }
      }
      return {
        transport,
        results: new RedisResults(store),
        inspector: new RedisInspector(store),
        locks: new RedisLocks(store),
        rates: new RedisRates(store),
        control: new RedisControl(store),
        ledger: new RedisLedger(store),
        plans: new RedisPlans(() => store),
        workflows: new RedisWorkflowStore(store, () => transport.started),
      }
    },
  }
}

/** The transport on an opened store. */
class RedisTransport implements Transport {
  readonly name = 'redis'
  readonly capabilities = redisCapabilities
  readonly #store: RedisStore
  readonly #reads: BlockingReads
  readonly #receiver: RedisReceiver
  readonly #leases: LeaseThread
  readonly #janitor: Janitor
  readonly #receives = new Set<Promise<unknown>>()
  #sender: RedisSender
  #stopping = new AbortController()
  #started = false
  #watch: EpochWatch | undefined

  constructor(store: RedisStore, janitor: Janitor) {
    this.#store = store
    this.#janitor = janitor
    this.#reads = new BlockingReads(store)
    const renew = (claims: readonly Claim[], lease: number): Promise<ExtendReport> =>
      extend(store, claims, lease)
    this.#receiver = new RedisReceiver(store, this.#reads, renew)
    this.#sender = new RedisSender(store)
    this.#leases = new LeaseThread(store, renew)
  }

  get started(): boolean {
    return this.#started
  }

  get store(): StoreIdentity {
    return this.#store.identity
  }

  async start(): Promise<void> {
    await this.#store.open(this)
    if (this.#started) return
    try {
      this.#watch = new EpochWatch(this.#store, await checkServer(this.#store))
    } catch (error) {
      await this.#store.close(this)
      throw error
    }
    this.#started = true
    this.#stopping = new AbortController()
    this.#sender = new RedisSender(this.#store)
    this.#reads.reopen()
  }

  async stop(): Promise<void> {
    this.#started = false
    this.#stopping.abort()
    this.#watch?.stop()
    await this.#leases.stop()
    await Promise.allSettled([...this.#receives])
    await lastWords(this.#store.around.clock, this.#janitor.stop())
    await this.#sender.idle()
    this.#reads.close()
    await this.#forgetConsumers()
    await this.#store.close(this)
  }

  async send(envelopes: readonly Envelope[]): Promise<readonly SendStatus[]> {
    this.#checkStarted()
    for (const envelope of envelopes) checkEnvelope(envelope)
    return envelopes.length === 0 ? [] : this.#sender.send(envelopes)
  }

  async receive(request: ReceiveRequest): Promise<readonly Delivery[]> {
    this.#checkStarted()
    if (!(request.room >= 1))
      throw new InvalidInputError(`room is a number of 1 or more, not ${request.room}.`)
    // Who only looks does not stay.
    if (request.wait !== 0) this.#janitor.start(request.queues)
    const receiving = this.#receiver.receive(request, this.#stopping.signal)
    const done = receiving.catch(() => {})
    this.#receives.add(done)
    try {
      return await receiving
    } finally {
      this.#receives.delete(done)
    }
  }

  async settle(settlements: readonly Settlement[]): Promise<readonly SettleStatus[]> {
    this.#checkStarted()
    for (const settlement of settlements) checkSettlement(settlement)
    return settlements.length === 0 ? [] : settle(this.#store, settlements)
  }

  async settleAndReceive(
    settlements: readonly Settlement[],
    next: NextRequest,
  ): Promise<SettledAndNext> {
    this.#checkStarted()
    for (const settlement of settlements) checkSettlement(settlement)
    if (settlements.length === 0) return { statuses: [], next: [] }
    const claims = this.#receiver.settleClaims(next)
    const asked = this.#store.around.clock.monotonic()
    const statuses = await settle(this.#store, settlements, claims)
    if (claims === undefined) return { statuses, next: [] }
    const { queues, lease } = next
    return {
      statuses,
      next: await this.#receiver.claimedBySettle(claims, { queues, lease, asked }),
    }
  }

  async extend(claims: readonly Claim[], lease: number): Promise<ExtendReport> {
    this.#checkStarted()
    return claims.length === 0 ? { lost: [], cancelled: [] } : extend(this.#store, claims, lease)
  }

  async recover(known: readonly LeaseToken[], lease: number): Promise<readonly Delivery[]> {
    this.#checkStarted()
    return recover(this.#store, known, lease)
  }

  async release(claims: readonly Claim[]): Promise<readonly SettleStatus[]> {
    this.#checkStarted()
    return claims.length === 0 ? [] : release(this.#store, claims)
  }

  async cancel(
    ids: readonly string[],
    options: { reason: string; lease: number },
  ): Promise<readonly CancelAnswer[]> {
    this.#checkStarted()
    return ids.length === 0 ? [] : cancel(this.#store, ids, options)
  }

  keepLeases(options: LeaseKeeperOptions): LeaseKeeper {
    const keeper = this.#leases.keep(options)
    const { subscriber } = this.#store
    const stopHearing = subscriber.hearCancels(
      (id, reason) => keeper.cancelled(id, reason),
      options.onError,
    )
    return {
      keep: (claims) => keeper.keep(claims),
      forget: (claims) => keeper.forget(claims),
      stop() {
        stopHearing()
        return keeper.stop()
      },
    }
  }

  async configureQueues(settings: Readonly<Record<string, QueueSettings>>): Promise<void> {
    this.#checkStarted()
    const { app } = this.#store.keys
    for (const [queue, { cap }] of Object.entries(settings)) {
      await this.#store.ensureGroup(queue)
      await this.#store.commands.call('SADD', [`${app}queues`, queue])
      if (cap === null) await this.#store.commands.call('HDEL', [`${app}caps`, queue])
      else if (cap !== undefined)
        await this.#store.commands.call('HSET', [`${app}caps`, queue, cap])
    }
  }

  async configureGates(limits: Readonly<Record<string, number | null>>): Promise<void> {
    this.#checkStarted()
    const entries = Object.entries(limits)
    if (entries.length === 0) return
    const args = entries.flatMap(([key, limit]) => [key, limit ?? ''])
    await this.#store.run(gateLimitScript, [], [entries.length, ...args])
  }

  /** Consumers of this process that hold nothing are not left behind. */
  async #forgetConsumers(): Promise<void> {
    const named = this.#store.consumers()
    if (named.length === 0) return
    const queues = this.#store.seen().map(({ queue }) => queue)
    // What stays holds nothing that anybody needs: a janitor removes it later.
    await lastWords(this.#store.around.clock, removeConsumers(this.#store, queues, { named }))
  }

  #checkStarted(): void {
    if (this.#started) return
    throw new NotStartedError('the Redis transport is not started: await broker.start() first.')
  }
}
