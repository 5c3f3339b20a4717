/**
 * Queues that are a list or a channel to Python (TaskIQ's `ListQueueBroker` and `PubSubBroker`). What is
 * sent goes there, as TaskIQ sends it; what workers of ours take from there goes into a stream of ours in
 * one step, and from then on everything is as on streams: leases, retries, dead letters, results.
 *
 * What these brokers cannot promise is said by the capabilities, and refused: see `popped`.
 */
import type { Claim, Delivery, LeaseToken } from '../core/delivery.ts'
import { StoreError, UnsupportedError } from '../core/errors.ts'
import { normalPriority } from '../core/labels.ts'
import type { Envelope } from '../core/message.ts'
import type { Settlement, SettleStatus } from '../core/settlement.ts'
import type { StoreIdentity } from '../core/store.ts'
import type {
  CancelAnswer,
  ExtendReport,
  LeaseKeeper,
  LeaseKeeperOptions,
  QueueSettings,
  ReceiveRequest,
  SendStatus,
  Transport,
  TransportCapabilities,
} from '../core/transport.ts'
import { ChannelIntake } from './channel-intake.ts'
import { ListIntake } from './list-intake.ts'
import { poppedCapabilities } from './redis-capabilities.ts'
import type { RedisStore } from './redis-store.ts'
import { pushScript } from './scripts/popped-scripts.ts'
import { checkEnvelope } from './send.ts'
import { toWire } from './wire-body.ts'

/** See the top of the file. */
export class PoppedTransport implements Transport {
  readonly name = 'redis'
  readonly capabilities: TransportCapabilities
  readonly #inner: Transport
  readonly #store: RedisStore
  readonly #kind: 'list' | 'pubsub'
  readonly #lists: ListIntake
  readonly #channels: ChannelIntake

  constructor(inner: Transport, store: RedisStore, kind: 'list' | 'pubsub') {
    this.#inner = inner
    this.#store = store
    this.#kind = kind
    this.#lists = new ListIntake(store)
    this.#channels = new ChannelIntake(store)
    this.capabilities = poppedCapabilities(kind)
  }

  get store(): StoreIdentity {
    return this.#inner.store
  }

  start(): Promise<void> {
    return this.#inner.start()
  }

  async stop(): Promise<void> {
    await this.#channels.close()
    await this.#inner.stop()
    this.#lists.close()
  }

  async send(envelopes: readonly Envelope[]): Promise<readonly SendStatus[]> {
    for (const envelope of envelopes) this.#check(envelope)
    const later = envelopes.filter(isLater)
    const now = envelopes.filter((envelope) => !isLater(envelope))
    if (now.length > 0) await this.#push(now)
    // Kept by us, and run by workers of ours: nobody else knows of it.
    const statuses = await this.#inner.send(later)
    return envelopes.map((envelope) => statuses[later.indexOf(envelope)] ?? 'stored')
  }

  async receive(request: ReceiveRequest): Promise<readonly Delivery[]> {
    if (this.#kind === 'pubsub') {
      if (request.wait !== 0) await this.#channels.hear(request.queues)
      return this.#inner.receive(request)
    }
    await this.#lists.take(request.queues, request.room)
    if (request.wait === 0) return this.#inner.receive(request)
    const ending = new AbortController()
    const watching = this.#lists.watch(request.queues, ending.signal)
    // What is wrong with the store is said by the receive.
    watching.catch(() => {})
    try {
      return await this.#inner.receive(request)
    } finally {
      ending.abort()
      await watching.catch(() => {})
    }
  }

  settle(settlements: readonly Settlement[]): Promise<readonly SettleStatus[]> {
    return this.#inner.settle(settlements)
  }

  extend(claims: readonly Claim[], lease: number): Promise<ExtendReport> {
    return this.#inner.extend(claims, lease)
  }

  recover(known: readonly LeaseToken[], lease: number): Promise<readonly Delivery[]> {
    return this.#inner.recover(known, lease)
  }

  release(claims: readonly Claim[]): Promise<readonly SettleStatus[]> {
    return this.#inner.release(claims)
  }

  cancel(
    ids: readonly string[],
    options: { reason: string; lease: number },
  ): Promise<readonly CancelAnswer[]> {
    return this.#inner.cancel(ids, options)
  }

  keepLeases(options: LeaseKeeperOptions): LeaseKeeper {
    return this.#inner.keepLeases(options)
  }

  async configureQueues(settings: Readonly<Record<string, QueueSettings>>): Promise<void> {
    if (Object.values(settings).some(({ cap }) => cap !== undefined && cap !== null)) {
      throw new UnsupportedError(`${this.#what} cannot have a cap: use streams (taskiq: 'stream').`)
    }
    return this.#inner.configureQueues(settings)
  }

  configureGates(): Promise<void> {
    return Promise.reject(
      new UnsupportedError(`${this.#what} cannot have gates: use streams (taskiq: 'stream').`),
    )
  }

  get #what(): string {
    return this.#kind === 'list' ? 'a queue that is a list to Python' : 'a channel'
  }

  #check(envelope: Envelope): void {
    checkEnvelope(envelope)
    if (envelope.priority !== normalPriority) {
      throw new UnsupportedError(
        `message ${envelope.id}: ${this.#what} has no priorities: use streams (taskiq: 'stream').`,
      )
    }
  }

  async #push(envelopes: readonly Envelope[]): Promise<void> {
    const names = envelopes.map(({ queue }) => this.#store.keys.queue(queue).shared)
    const args = envelopes.flatMap(({ body }, i) => [names[i] ?? '', toWire(body)])
    const command = this.#kind === 'list' ? 'LPUSH' : 'PUBLISH'
    const head = [command, envelopes.length]
    const heard = (await this.#store.run(
      pushScript,
      [...new Set(names)],
      [...head, ...args],
    )) as readonly number[]
    const unheard = heard.indexOf(0)
    if (this.#kind === 'list' || unheard < 0) return
    throw new StoreError(
      `nobody listens on '${names[unheard]}': a message to a channel that nobody hears is lost. Start a worker first, or use streams (taskiq: 'stream').`,
    )
  }
}

function isLater({ delay, at }: Envelope): boolean {
  return at !== undefined || (delay ?? 0) > 0
}
