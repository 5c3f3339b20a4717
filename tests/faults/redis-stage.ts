import { Redis } from 'ioredis'
import { OwnRedis } from '../support/own-redis.ts'
import { FaultProxy } from './fault-proxy.ts'

/** What a row wants of its server. */
export interface RedisChoices {
  /** More of its command line: `['--appendonly', 'yes']`. */
  readonly settings?: readonly string[] | undefined
  /** Everybody reaches it through a proxy of his own: this many workers, and the producer. */
  readonly proxies?: number | undefined
  /** How many replicas all processes wait for. */
  readonly wait?: number | undefined
}

/** The server of a run, and what lies between it and the processes. */
export class RedisStage {
  readonly server: OwnRedis
  readonly #proxies: readonly FaultProxy[]
  readonly #admin: Redis

  private constructor(server: OwnRedis, proxies: readonly FaultProxy[]) {
    this.server = server
    this.#proxies = proxies
    this.#admin = new Redis(server.port, { maxRetriesPerRequest: null })
    this.#admin.on('error', () => {})
  }

  /** Calls a command past all proxies; waits for a server that is down. */
  command(name: string, ...args: readonly (string | number)[]): Promise<unknown> {
    return this.#admin.call(name, ...args)
  }

  static async open({ settings = [], proxies = -1 }: RedisChoices = {}): Promise<RedisStage> {
    const server = await OwnRedis.start(settings)
    const open = (_: unknown, seed: number) => FaultProxy.open({ port: server.port, seed })
    return new RedisStage(server, await Promise.all(Array.from({ length: proxies + 1 }, open)))
  }

  /** Where worker `no` finds it; without a number: the producer. */
  url(no = -1): string {
    const proxy = this.#proxies[no + 1]
    return proxy === undefined ? this.server.url : `redis://127.0.0.1:${proxy.port}`
  }

  /** The proxy of worker `no`; without a number: of the producer. */
  proxy(no = -1): FaultProxy {
    const proxy = this.#proxies[no + 1]
    if (proxy === undefined) throw new Error(`there is no proxy for ${no}`)
    return proxy
  }

  /** Those of all. */
  get proxies(): readonly FaultProxy[] {
    return this.#proxies
  }

  async close(): Promise<void> {
    this.#admin.disconnect()
    await Promise.all(this.#proxies.map((proxy) => proxy.close()))
    await this.server.remove()
  }
}
