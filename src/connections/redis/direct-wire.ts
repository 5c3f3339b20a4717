/**
 * Speaks with Redis on the socket of an ioredis client, in its place. ioredis finds the server, opens the
 * connection and makes it anew (TLS, ACL, Sentinel, back-off); once it is ready and nothing is under way, its
 * reader is taken off the socket and ours reads and writes. Commands and replies that way cost a third: see
 * docs/decisions/0018-direct-wire.md.
 *
 * Whatever the client says to the socket from then on would be answered to us: nobody else may call it. When
 * the connection is lost the client begins anew, with a socket and a reader of its own.
 */
import { systemClock, type Timer } from '../../core/clock.ts'
import type { RedisArgument, RedisClient, RedisSocket } from './redis-client.ts'
import { RespReader, type Reply } from './resp-reader.ts'
import { WakefulWait } from './wakeful-wait.ts'

/** A call that waits for its reply. */
interface Call {
  readonly bytes: boolean
  /** Of the monotonic clock. */
  readonly at: number
  readonly resolve: (reply: Reply) => void
  readonly reject: (error: unknown) => void
}

/** A text of so many characters goes by itself: one that grew without end would be too long for the language. */
const longText = 1_000_000

/** See the top of the file. */
export class DirectWire {
  readonly #client: RedisClient
  readonly #socket: RedisSocket
  readonly #timeout: number
  /** In the order in which they were written, which is that of the replies. */
  #calls: Call[] = []
  /** Those before it are answered. */
  #next = 0
  /** What was called in this turn of the loop: pieces that go one by one (bytes, long texts), and the text behind them. */
  #pieces: (string | Uint8Array)[] = []
  #text = ''
  #gathering = false
  #timer: Timer | undefined
  /** When something came from Redis. */
  #heardAt = 0
  #over: Error | undefined
  readonly #awake = new WakefulWait()

  private constructor(client: RedisClient, socket: RedisSocket) {
    this.#client = client
    this.#socket = socket
    const timeout = client.options?.['commandTimeout']
    this.#timeout = typeof timeout === 'number' ? timeout : Infinity
    const reader = new RespReader({
      wantsBytes: () => this.#calls[this.#next]?.bytes === true,
      onReply: (reply) => this.#answered(reply),
    })
    const [theirs] = socket.listeners('data')
    socket.on('data', (piece) => {
      if (this.#over !== undefined) return
      this.#heardAt = systemClock.monotonic()
      this.#awake.end()
      try {
        reader.push(piece)
      } catch (error) {
        this.#giveUp(error)
      }
    })
    if (theirs !== undefined) socket.off('data', theirs)
  }

  /**
   * Takes the socket of a client over; `undefined` where that cannot be done now: it is not ready or something
   * is under way, it is a cluster, or it is not as we know it (then it stays as it is, and works).
   */
  static over(client: RedisClient): DirectWire | undefined {
    const { stream, status, commandQueue, options } = client
    if (status !== 'ready' || stream === undefined || stream === null) return undefined
    if (options?.['protocol'] !== 2) return undefined
    if (commandQueue?.length !== 0 || stream.listenerCount('data') !== 1) return undefined
    return new DirectWire(client, stream)
  }

  /** Whether it may be called; once it may not, it never may again. */
  get isOpen(): boolean {
    return this.#over === undefined
  }

  /** Calls a command. @throws ReplyError as ioredis has it, or an error when the connection is lost. */
  call(command: string, args: readonly RedisArgument[], bytes = false): Promise<Reply> {
    return new Promise((resolve, reject) => {
      if (this.#over !== undefined) return reject(this.#over)
      this.#calls.push({ bytes, at: systemClock.monotonic(), resolve, reject })
      this.#watch()
      this.#write(command, args)
    })
  }

  /** What was called in this turn of the loop leaves now. */
  readonly flush = (): void => {
    if (!this.#gathering) return
    this.#gathering = false
    const text = this.#text
    const pieces = this.#pieces
    this.#text = ''
    this.#pieces = []
    // Lost meanwhile: those who called know, and the socket takes nothing any more.
    if (this.#over !== undefined) return
    // Nearly always one text: it goes without a list, which costs the socket less.
    if (pieces.length === 0) return void this.#socket.write(text)
    this.#socket.cork()
    for (const piece of pieces) this.#socket.write(piece)
    if (text !== '') this.#socket.write(text)
    this.#socket.uncork()
  }

  /** What was called is answered at once, and the process has little else to do: see {@link WakefulWait}. */
  stayAwake(): void {
    this.#awake.begin()
  }

  /** The connection is lost: nobody knows what became of the calls under way. Idempotent. */
  fail(why: string): void {
    this.#over ??= new Error(why)
    this.#timer?.cancel()
    const calls = this.#calls.slice(this.#next)
    this.#calls = []
    this.#next = 0
    for (const { reject } of calls) reject(this.#over)
  }

  /** Each piece that leaves costs both sides a system call: what is called in one turn leaves in one. */
  #write(command: string, args: readonly RedisArgument[]): void {
    if (!this.#gathering) process.nextTick(this.flush)
    this.#gathering = true
    let text = `${this.#text}*${args.length + 1}\r\n$${command.length}\r\n${command}\r\n`
    for (const arg of args) {
      if (typeof arg === 'object') {
        this.#pieces.push(`${text}$${arg.byteLength}\r\n`, arg)
        text = '\r\n'
        continue
      }
      const value = typeof arg === 'string' ? arg : String(arg)
      text += `$${Buffer.byteLength(value)}\r\n${value}\r\n`
    }
    this.#text = text
    if (text.length < longText) return
    this.#pieces.push(text)
    this.#text = ''
  }

  #answered(reply: Reply): void {
    const call = this.#calls[this.#next++]
    if (call === undefined) throw new Error('Redis answered what nobody has asked')
    if (this.#next === this.#calls.length) {
      this.#calls = []
      this.#next = 0
    } else if (this.#next > 1024) {
      this.#calls = this.#calls.slice(this.#next)
      this.#next = 0
    }
    if (reply instanceof Error) call.reject(reply)
    else call.resolve(reply)
  }

  /**
   * One timer for all calls. A connection is given up when nothing has come for so long that somebody waits for:
   * who stands behind many others is only late.
   */
  #watch(): void {
    if (this.#timer !== undefined || this.#timeout === Infinity) return
    const look = (): void => {
      this.#timer = undefined
      const oldest = this.#calls[this.#next]
      if (oldest === undefined) return
      const since = Math.max(oldest.at, this.#heardAt)
      const left = since + this.#timeout - systemClock.monotonic()
      if (left <= 0) this.#giveUp(new Error('Command timed out'))
      else this.#timer = systemClock.after(left, look, { background: true })
    }
    this.#timer = systemClock.after(this.#timeout, look, { background: true })
  }

  /** What is said on this connection makes no sense any more, or nothing is: another one is made. */
  #giveUp(error: unknown): void {
    this.fail(error instanceof Error ? error.message : String(error))
    this.#client.disconnect(true)
  }
}
