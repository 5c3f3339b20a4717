/**
 * One Redis as all contracts of one process share it: its connections, opened once and closed with their
 * last user, its names, and what others tell.
 *
 * Four connections: commands, the long polls (one for each at a time), a subscriber, and the lease
 * keeper's own. Notifications are hints: whoever waits looks again by himself.
 */
import { hostname } from 'node:os'
import { SignalBell } from '../coalescing/signal-bell.ts'
import type { RedisArgument } from '../connections/redis/redis-client.ts'
import { RedisConnector } from '../connections/redis/redis-connector.ts'
import type { RedisLink } from '../connections/redis/redis-link.ts'
import { milliseconds } from '../core/duration.ts'
import { InvalidInputError, NotStartedError, UnsupportedError } from '../core/errors.ts'
import { failpoint } from '../core/failpoint.ts'
import type { Body } from '../core/message.ts'
import type { StoreIdentity } from '../core/store.ts'
import type { Surroundings } from '../core/vendor.ts'
import { ExpectedWaits } from './expected-waits.ts'
import { Keys, type QueueKeys } from './keys.ts'
import { lastWords } from './last-words.ts'
import type { RedisOptions } from './redis-options.ts'
import { Replicas } from './replicas.ts'
import type { RedisScript } from './scripts/redis-script.ts'
import { Subscriber } from './subscriber.ts'

const tenMinutes = 600_000

/** See the top of the file. */
export class RedisStore {
  readonly around: Surroundings
  readonly options: RedisOptions
  readonly keys: Keys
  readonly group: string
  readonly connector: RedisConnector
  /** Milliseconds after which what a consumer of others holds is taken to be lost. */
  readonly foreignIdle: number
  /** Milliseconds until a result that is waited for is looked for again. */
  readonly resultPoll: number
  /** Whether a server that throws messages away is used all the same. */
  readonly allowEviction: boolean
  /** Names this instance among consumers; each lease has a consumer of its own: see {@link consumer}. */
  readonly instance: string
  /** Rings when something may be claimed. */
  readonly work: SignalBell = new SignalBell()
  readonly subscriber: Subscriber
  /** Results that this process is expected to wait for. */
  readonly expected: ExpectedWaits = new ExpectedWaits()
  /** Whether this process runs steps of workflows. */
  runsSteps = false
  /** Told of runs of workflows in which a step of ours left something to do. */
  onUnfinished: (run: string) => void = () => {}
  readonly #name: string
  readonly #leases = new Set<number>()
  readonly #queues: QueueKeys[] = []
  readonly #numbers = new Map<string, number>()
  readonly #grouped = new Map<string, Promise<void> | 'made'>()
  readonly #users = new Set<object>()
  readonly #replicas: Replicas | undefined
  #commands: RedisLink | undefined
  #opening: Promise<void> | undefined
  #closing: Promise<void> | undefined

  /** `instance`: speaks for that one's consumers, from a thread of the same process. */
  constructor(options: RedisOptions, around: Surroundings, instance?: string) {
    this.around = around
    this.options = options
    this.keys = new Keys(options)
    this.group = options.group ?? 'taskiq'
    this.resultPoll = milliseconds(options.resultPoll ?? '1s')
    if (this.resultPoll < 1) throw new InvalidInputError('`resultPoll` is 1 ms or more.')
    this.foreignIdle =
      options.foreignIdle === undefined ? tenMinutes : milliseconds(options.foreignIdle)
    this.allowEviction = options.allowEviction ?? false
    this.connector = new RedisConnector(options, around.random)
    if (this.connector.isCluster && options.tag === undefined) {
      throw new InvalidInputError(
        'on a cluster all keys of an app need one `tag`, so that each step is one: redisTransport({ cluster, tag: "app" }).',
      )
    }
    this.#replicas = this.#replicasOf(options.wait)
    this.instance = instance ?? `tw:${hostname()}:${process.pid}:${around.random.hex(6)}`
    // The connection of a thread is told apart by its name.
    this.#name = instance === undefined ? this.instance : `${instance}:leases`
    this.subscriber = new Subscriber({
      connector: this.connector,
      instance: this.instance,
      work: this.work,
      app: this.keys.app,
    })
  }

  /** The place and the names: two vendors that share them write to the same keys. */
  get identity(): StoreIdentity {
    return `redis:${this.connector.where}:${this.keys.app}:${this.keys.result('')}`
  }

  /** Opens the connection for `user`. Idempotent; concurrent calls share one opening. @throws StoreError */
  async open(user: object): Promise<void> {
    await this.#closing
    this.#users.add(user)
    this.#opening ??= this.#open()
    try {
      await this.#opening
    } catch (error) {
      this.#users.delete(user)
      this.#opening = undefined
      throw error
    }
  }

  /** Closes it when `user` was the last one. Idempotent. */
  async close(user: object): Promise<void> {
    if (this.#users.delete(user) && this.#users.size === 0) this.#closing = this.#close()
    await this.#closing
  }

  /** The connection for commands. @throws NotStartedError */
  get commands(): RedisLink {
    if (this.#commands !== undefined) return this.#commands
    throw new NotStartedError(
      'the Redis store is not open: call start() first (after stop(): again).',
    )
  }

  /**
   * Calls a script whose effect must not be lost: with `wait`, it counts when replicas have it, too.
   * @throws StoreError
   */
  async commit(
    script: RedisScript,
    keys: readonly string[],
    args: readonly RedisArgument[],
  ): Promise<unknown> {
    const replicas = this.#replicas
    if (replicas === undefined) return this.run(script, keys, args)
    const head = [this.keys.app, this.keys.result(''), this.group]
    failpoint('redis.call')
    try {
      const answer = await replicas.run(script, [keys.length, ...keys, ...head, ...args])
      failpoint('redis.answered')
      return answer
    } catch (error) {
      throw await replicas.failure(error)
    }
  }

  /** Calls a script of ours. @throws StoreError */
  async run(
    script: RedisScript,
    keys: readonly string[],
    args: readonly RedisArgument[],
  ): Promise<unknown> {
    const link = this.commands
    const head = [this.keys.app, this.keys.result(''), this.group]
    // On a cluster a key says which node.
    const place = keys.length === 0 ? [`${this.keys.app}store`] : keys
    try {
      failpoint('redis.call')
      const answer = await script.run(link, place, [...head, ...args])
      failpoint('redis.answered')
      return answer
    } catch (error) {
      throw link.failure(error)
    }
  }

  /** The same, for answers that hold bodies. @throws StoreError */
  runBuffers(
    script: RedisScript,
    keys: readonly string[],
    args: readonly RedisArgument[],
  ): Promise<unknown> {
    const { app } = this.keys
    return script.runBuffers(this.commands, keys, [app, this.keys.result(''), this.group, ...args])
  }

  /** The consumer that claims for so long; its name says the lease to all others. */
  consumer(lease: number): string {
    this.#leases.add(lease)
    return this.#consumerOf(lease)
  }

  /** All consumers of this instance. */
  consumers(): readonly string[] {
    return [...this.#leases].map((lease) => this.#consumerOf(lease))
  }

  /** The id in bytes that are not as TaskIQ's JSON is; `undefined` where nothing can be read. */
  idOf(body: Body): string | undefined {
    return this.around.idOf?.(body)
  }

  /** The number by which this instance knows a queue, for tokens. */
  number(queue: string): number {
    let no = this.#numbers.get(queue)
    if (no === undefined) {
      no = this.#queues.push(this.keys.queue(queue)) - 1
      this.#numbers.set(queue, no)
    }
    return no
  }

  /** Queues that this instance has received from or sent to. */
  seen(): readonly QueueKeys[] {
    return this.#queues
  }

  /**
   * Makes the group of a queue from its first message on, once in the life of this instance. Whoever comes
   * first makes it: a group that Python makes begins at the messages after it. Nothing to wait for once it is made.
   */
  ensureGroup(queue: string): Promise<void> | undefined {
    const known = this.#grouped.get(queue)
    if (known !== undefined) return known === 'made' ? undefined : known
    this.number(queue)
    const making = this.#makeGroup(this.keys.queue(queue).stream)
    this.#grouped.set(queue, making)
    making.then(
      () => this.#grouped.get(queue) === making && this.#grouped.set(queue, 'made'),
      () => this.#grouped.delete(queue),
    )
    return making
  }

  /** Groups are made again when they are needed next: the store has been emptied. */
  forgetGroups(): void {
    this.#grouped.clear()
  }

  async #makeGroup(stream: string): Promise<void> {
    try {
      await this.commands.raw('XGROUP', ['CREATE', stream, this.group, '0', 'MKSTREAM'])
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('BUSYGROUP')))
        throw this.commands.failure(error)
    }
  }

  #replicasOf(wait: RedisOptions['wait']): Replicas | undefined {
    if (wait === undefined) return undefined
    if (this.connector.isCluster) {
      throw new UnsupportedError(
        'redisTransport: `wait` is not for a cluster: give its nodes `min-replicas-to-write`.',
      )
    }
    return new Replicas(wait, async () => {
      // Its calls wait: for longer than others before they are given up.
      const link = await this.connector.link({
        name: `taskwright:${this.#name}:wait`,
        blocking: true,
      })
      await link.open()
      return link
    })
  }

  async #open(): Promise<void> {
    const commands = await this.connector.link({ name: `taskwright:${this.#name}`, direct: true })
    await commands.open()
    this.#commands = commands
  }

  async #close(): Promise<void> {
    await this.#opening?.catch(() => {})
    this.#opening = undefined
    await this.subscriber.close()
    await this.#replicas?.close()
    this.#leases.clear()
    const commands = this.#commands
    this.#commands = undefined
    this.#grouped.clear()
    if (commands === undefined) return
    await lastWords(this.around.clock, commands.close())
    commands.cut()
  }

  #consumerOf(lease: number): string {
    return `${this.instance}:${lease}`
  }
}
