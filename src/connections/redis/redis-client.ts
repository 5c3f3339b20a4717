/**
 * What the house uses of ioredis (5.4 or 6), by shape: the package is an optional peer, and its types
 * must not be needed by those who have not installed it.
 */

/** What may be sent with a command. */
export type RedisArgument = string | number | Uint8Array

/** The socket of a client, as far as we use it. */
export interface RedisSocket {
  cork(): void
  uncork(): void
  write(data: string | Uint8Array): boolean
  on(event: 'data', listener: (piece: Buffer) => void): unknown
  off(event: 'data', listener: (piece: Buffer) => void): unknown
  listeners(event: 'data'): readonly ((piece: Buffer) => void)[]
  listenerCount(event: 'data'): number
}

/** An ioredis client: `new Redis(…)`, or `new Cluster(…)`. */
export interface RedisClient {
  readonly status: string
  /** The socket; a cluster has many, and none here. */
  readonly stream?: RedisSocket | null | undefined
  /** Calls that are written and not answered. */
  readonly commandQueue?: { readonly length: number } | undefined
  readonly options?: RedisClientOptions | undefined
  /** Of a cluster: the clients of its nodes. */
  nodes?(role: 'master' | 'all'): readonly RedisClient[]
  call(command: string, ...args: (RedisArgument | readonly RedisArgument[])[]): Promise<unknown>
  callBuffer(
    command: string,
    ...args: (RedisArgument | readonly RedisArgument[])[]
  ): Promise<unknown>
  subscribe(...channels: string[]): Promise<unknown>
  unsubscribe(...channels: string[]): Promise<unknown>
  duplicate(...args: never[]): RedisClient
  connect(): Promise<unknown>
  disconnect(reconnect?: boolean): void
  quit(): Promise<unknown>
  on(event: string, listener: (...args: never[]) => void): unknown
  once(event: string, listener: (...args: never[]) => void): unknown
  off(event: string, listener: (...args: never[]) => void): unknown
}

/** The options of an ioredis client that we set ourselves; others are handed on as they are. */
export interface RedisClientOptions {
  readonly host?: string | undefined
  readonly port?: number | undefined
  readonly db?: number | undefined
  readonly username?: string | undefined
  readonly password?: string | undefined
  readonly [option: string]: unknown
}

/** Where Redis is: exactly one of the members. */
export interface RedisPlace {
  /** `redis://[user[:password]@]host[:port][/db]`, or `rediss://` for TLS. */
  readonly url?: string | undefined
  /** Options of ioredis: host, port, TLS, Sentinel (`sentinels`, `name`) and all others. */
  readonly options?: RedisClientOptions | undefined
  /** Nodes of a cluster, and options of its client. */
  readonly cluster?:
    | {
        readonly nodes: readonly { readonly host: string; readonly port: number }[]
        readonly options?: Readonly<Record<string, unknown>> | undefined
      }
    | undefined
  /** A client of your own: connections are made like it (`duplicate()`), and it is left alone. */
  readonly client?: RedisClient | undefined
}
