import { StoreError } from '../../core/errors.ts'
import type { Random } from '../../core/random.ts'
import type { RedisClient, RedisClientOptions, RedisPlace } from './redis-client.ts'
import { RedisLink } from './redis-link.ts'
import { describePlace, readRedisUrl } from './redis-place.ts'

/**
 * Milliseconds after which a connection that is being made, or a call, is given up: less than a lease, so
 * that its renewal can be tried again.
 */
const connectTimeout = 10_000
const callTimeout = 10_000
/** Milliseconds for which a call may wait for messages, at most. */
const longestBlock = 2000
/** Milliseconds between two attempts to connect: the first, and the longest that it grows to. */
const reconnect = { first: 50, longest: 2000 }

interface Ioredis {
  readonly Redis: new (options: RedisClientOptions) => RedisClient
  readonly Cluster: new (
    nodes: readonly { readonly host: string; readonly port: number }[],
    options: Readonly<Record<string, unknown>>,
  ) => RedisClient
}

/** What a connection is for. */
export interface LinkUse {
  /** Shown by CLIENT LIST. */
  readonly name: string
  /** Its calls wait for messages, for {@link longestBlock}. */
  readonly blocking?: boolean | undefined
  /** Commands go past the client: see {@link RedisLinkOptions}. */
  readonly direct?: boolean | undefined
}

/** Makes connections to one Redis. Loads ioredis when the first one is asked for. */
export class RedisConnector {
  readonly where: string
  readonly #place: RedisPlace
  readonly #random: Random

  constructor(place: RedisPlace, random: Random) {
    this.#place = place
    this.#random = random
    this.where = describePlace(place)
  }

  get isCluster(): boolean {
    const { cluster, client } = this.#place
    return (
      cluster !== undefined || (client as { isCluster?: boolean } | undefined)?.isCluster === true
    )
  }

  /** What a thread needs to connect by itself; `undefined` where that cannot cross to a thread. */
  get forThread(): RedisPlace | undefined {
    const { client, ...place } = this.#place
    const own = client as { options?: RedisClientOptions } | undefined
    if (client !== undefined && (this.isCluster || own?.options === undefined)) return undefined
    return own?.options === undefined ? place : { options: plainOptions(own.options) }
  }

  /** A connection that is not open yet. @throws StoreError when ioredis is not installed. */
  async link({ name, blocking = false, direct }: LinkUse): Promise<RedisLink> {
    let wasOpen = false
    const pause = (times: number): number =>
      Math.min(reconnect.longest, reconnect.first * 2 ** Math.min(times, 10)) *
      (0.5 + this.#random.next())
    const settings = {
      lazyConnect: true,
      connectionName: name,
      // A reply that was lost must not be asked for again by somebody who does not know what it was.
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 2,
      // ioredis leaves a failure of its own subscribing to nobody, which ends the process: we do it.
      autoResubscribe: false,
      connectTimeout,
      commandTimeout: blocking ? longestBlock + callTimeout : callTimeout,
      // Replies of the same form on every server; the option is unknown to ioredis 5, which has no other.
      protocol: 2,
      retryStrategy: pause,
      // Whoever opens it is told where no Sentinel answers; once it was open, it is made anew by itself.
      sentinelRetryStrategy: (times: number) => (wasOpen ? pause(times) : null),
    }
    const client = await this.#client(settings)
    client.once('ready', () => (wasOpen = true))
    return new RedisLink(client, { where: this.where, direct })
  }

  async #client(settings: RedisClientOptions): Promise<RedisClient> {
    const { url, options, cluster, client } = this.#place
    if (client !== undefined) {
      const duplicate = client.duplicate.bind(client) as (...args: unknown[]) => RedisClient
      return this.isCluster
        ? duplicate([], { lazyConnect: true, redisOptions: settings })
        : duplicate(settings)
    }
    const { Redis, Cluster } = await loadIoredis()
    if (cluster !== undefined) {
      const { lazyConnect, retryStrategy, ...redisOptions } = settings
      const given = (cluster.options?.['redisOptions'] ?? {}) as RedisClientOptions
      return new Cluster(cluster.nodes, {
        clusterRetryStrategy: retryStrategy,
        ...cluster.options,
        lazyConnect,
        redisOptions: { ...given, ...redisOptions },
      })
    }
    const place = url === undefined ? options : readRedisUrl(url)
    return new Redis({ ...place, ...settings })
  }
}

async function loadIoredis(): Promise<Ioredis> {
  try {
    return (await import('ioredis')) as unknown as Ioredis
  } catch (cause) {
    throw new StoreError(
      'the package ioredis is not installed: run `npm install ioredis` (5.4 or newer).',
      { cause },
    )
  }
}

/** Options without functions, which cannot cross to a thread. */
function plainOptions(options: RedisClientOptions): RedisClientOptions {
  return Object.fromEntries(
    Object.entries(options).filter(
      ([, value]) => typeof value !== 'function' && value !== undefined,
    ),
  )
}
