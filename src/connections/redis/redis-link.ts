import { NotStartedError } from '../../core/errors.ts'
import { DirectWire } from './direct-wire.ts'
import type { RedisArgument, RedisClient } from './redis-client.ts'
import { redisFailure } from './redis-failure.ts'

/** A call whose answer is awaited. */
interface Call {
  /** It has been written to the connection that is open now. */
  sent: boolean
  readonly reject: (error: unknown) => void
}

/** How a {@link RedisLink} speaks. */
export interface RedisLinkOptions {
  /** Names the server in errors. */
  readonly where: string
  /** Commands go past the client where that can be: see {@link DirectWire}. Its client is for nobody else then. */
  readonly direct?: boolean | undefined
}

/**
 * One connection to Redis. Whatever goes wrong comes out as an error of ours; a connection that was
 * lost is made anew by itself, and what was under way on it fails (nobody knows whether it was done).
 *
 * ioredis itself forgets the calls of a lost connection where it may not repeat them: whoever awaited one
 * would wait for ever. And a connection on which a call has timed out may be dead without a word: it is
 * given up.
 */
export class RedisLink {
  readonly client: RedisClient
  readonly #where: string
  readonly #underWay = new Set<Call>()
  readonly #channels = new Set<string>()
  readonly #direct: boolean
  #wire: DirectWire | undefined
  #closed = false
  #gathering = false
  /** What went wrong with the connection last: whoever opens it is told no more than that it was closed. */
  #trouble: unknown

  constructor(client: RedisClient, { where, direct = false }: RedisLinkOptions) {
    this.client = client
    this.#where = where
    this.#direct = direct
    // Told by the calls that fail; without a listener ioredis writes to the console.
    client.on('error', (error: unknown) => (this.#trouble = error))
    client.on('ready', () => {
      for (const call of this.#underWay) call.sent = true
      // Where one fails the connection is lost once more, or given up: then it comes here again.
      for (const channel of this.#channels)
        this.#answered(client.subscribe(channel)).catch(() => {})
    })
    client.on('close', () => {
      this.#cutWire('the connection was lost')
      this.#fail('the connection was lost', ({ sent }) => sent)
    })
  }

  /** Opens the connection. @throws StoreError */
  async open(): Promise<void> {
    if (this.client.status !== 'wait') return
    try {
      await this.client.connect()
      // ioredis asks for a database and goes on in the first one where it is refused.
      const { db = 0 } = this.client.options ?? {}
      if (db > 0) await this.client.call('SELECT', [db])
    } catch (error) {
      this.client.disconnect()
      const { lastNodeError } = error as { lastNodeError?: unknown }
      const cause = isClosed(error) ? this.#trouble : lastNodeError
      throw redisFailure(cause ?? error, this.#where)
    }
  }

  /** Calls a command; texts come as strings. @throws StoreError */
  async call(command: string, args: readonly RedisArgument[]): Promise<unknown> {
    try {
      return await this.raw(command, args)
    } catch (error) {
      throw this.failure(error)
    }
  }

  /** The same with texts as bytes. */
  async callBytes(command: string, args: readonly RedisArgument[]): Promise<unknown> {
    try {
      return await this.rawBytes(command, args)
    } catch (error) {
      throw this.failure(error)
    }
  }

  /**
   * Begins to hear a channel, and again whenever the connection is made anew; `message` events of the
   * client tell what is said there. @throws StoreError
   */
  async subscribe(channel: string): Promise<void> {
    try {
      await this.#answered(this.client.subscribe(channel))
      this.#channels.add(channel)
    } catch (error) {
      throw this.failure(error)
    }
  }

  /** A call whose errors are those of the client. */
  raw(command: string, args: readonly RedisArgument[]): Promise<unknown> {
    const wire = this.#opened
    if (wire !== undefined) return wire.call(command, args)
    this.#gather()
    return this.#answered(this.client.call(command, args))
  }

  /** The same with texts as bytes. */
  rawBytes(command: string, args: readonly RedisArgument[]): Promise<unknown> {
    const wire = this.#opened
    if (wire !== undefined) return wire.call(command, args, true)
    this.#gather()
    return this.#answered(this.client.callBuffer(command, args))
  }

  get #opened(): DirectWire | undefined {
    return this.#wire?.isOpen === true ? this.#wire : undefined
  }

  /** What is called in one turn of the loop leaves in one piece: each piece costs both sides a system call. */
  #gather(): void {
    const { stream } = this.client
    if (this.#gathering || stream === undefined || stream === null) return
    this.#gathering = true
    stream.cork()
    process.nextTick(() => this.flush())
  }

  /** What was called in this turn leaves now: worth a piece of its own where the caller has long work to do meanwhile. */
  flush(): void {
    this.#opened?.flush()
    if (!this.#gathering) return
    this.#gathering = false
    this.client.stream?.uncork()
  }

  /**
   * What was called is answered at once, and the process has little else to do: worth a moment without sleep. Nothing
   * happens where commands go by way of the client.
   */
  stayAwake(): void {
    this.#opened?.stayAwake()
  }

  /** What a failure is to those who call us. */
  failure(error: unknown): Error {
    return this.#closed
      ? new NotStartedError('the connection to Redis was closed.', { cause: error })
      : redisFailure(error, this.#where)
  }

  /** Finishes what is under way and closes. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    if (this.client.status === 'ready')
      await (this.#opened?.call('QUIT', []) ?? this.client.quit()).catch(() => {})
    this.client.disconnect()
  }

  /** Closes at once. Idempotent. */
  cut(): void {
    this.#closed = true
    this.client.disconnect()
    this.#cutWire('the connection was closed')
    // On a dead connection an end is not answered either.
    this.#fail('the connection was closed', () => true)
  }

  #answered<T>(answer: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const call: Call = { sent: this.client.status === 'ready', reject }
      this.#underWay.add(call)
      answer.then(
        (value) => {
          this.#underWay.delete(call)
          this.#takeOver()
          resolve(value)
        },
        (error: unknown) => {
          if (isTimeout(error) && this.#underWay.has(call) && !this.#closed)
            this.client.disconnect(true)
          this.#underWay.delete(call)
          reject(error)
        },
      )
    })
  }

  /** From the moment on at which nothing is under way the client is only there to make the connection anew. */
  #takeOver(): void {
    if (!this.#direct || this.#closed || this.#underWay.size > 0) return
    this.#wire ??= DirectWire.over(this.client)
  }

  #cutWire(why: string): void {
    this.#wire?.fail(why)
    this.#wire = undefined
  }

  #fail(why: string, which: (call: Call) => boolean): void {
    for (const call of this.#underWay) {
      if (!which(call)) continue
      this.#underWay.delete(call)
      call.reject(new Error(why))
    }
  }
}

/** As ioredis says it. */
function isClosed(error: unknown): boolean {
  return error instanceof Error && error.message === 'Connection is closed.'
}

/** As ioredis says it. */
function isTimeout(error: unknown): boolean {
  return error instanceof Error && error.message === 'Command timed out'
}
