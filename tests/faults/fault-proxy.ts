/**
 * A TCP proxy between a client and a server of a network engine, that behaves as bad networks do. It is
 * driven from the process of the test; what it draws by chance comes from a seed.
 *
 * A direction that is stalled keeps what was sent and hands it on when it is healed, as TCP does after
 * a partition. Only a cut connection loses bytes.
 */
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { seededRandom, type Random } from '../../src/core/random.ts'

/** `up`: from the client to the server. `down`: its replies. */
export type Direction = 'up' | 'down'

/** How connections behave, from now on. */
export interface LinkFaults {
  /** Milliseconds that each piece takes in each direction, and as many more at most by chance. */
  readonly latency: number
  readonly jitter: number
  /** The most bytes of a piece: larger ones are handed on in several. */
  readonly chop: number
  /** Directions in which nothing goes through; both: half-open, the sockets stay. */
  readonly stalled: readonly Direction[]
  /** New connections are reset at once. */
  readonly refuses: boolean
}

/** Everything goes through at once. */
export const healthy: LinkFaults = {
  latency: 0,
  jitter: 0,
  chop: Infinity,
  stalled: [],
  refuses: false,
}

/** Where a proxy leads. */
export interface FaultProxyOptions {
  readonly port: number
  readonly host?: string | undefined
  readonly seed?: number | undefined
}

/** See the top of the file. */
export class FaultProxy {
  readonly #options: FaultProxyOptions
  readonly #random: Random
  readonly #server: Server
  readonly #links = new Set<Link>()
  #faults = healthy
  #port: number

  private constructor(options: FaultProxyOptions) {
    this.#options = options
    this.#port = options.port
    this.#random = seededRandom(options.seed ?? 0)
    this.#server = createServer((client) => this.#accept(client))
  }

  /** Opens a proxy on a free port of this machine. */
  static async open(options: FaultProxyOptions): Promise<FaultProxy> {
    const proxy = new FaultProxy(options)
    await new Promise<void>((resolve, reject) => {
      proxy.#server.once('error', reject)
      proxy.#server.listen(0, '127.0.0.1', resolve)
    })
    return proxy
  }

  /** Where clients connect. */
  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** How many connections there are. */
  get connections(): number {
    return this.#links.size
  }

  /** Changes how all connections behave, those that are there too. */
  set(faults: Partial<LinkFaults>): void {
    this.#faults = { ...this.#faults, ...faults }
    for (const link of this.#links) link.flow()
  }

  /** Takes all faults back; what was stalled goes on. */
  heal(): void {
    this.set(healthy)
  }

  /** Heals the network for new connections; of those that are there nothing is ever heard again. */
  abandon(): void {
    for (const link of this.#links) link.abandon()
    this.heal()
  }

  /** Leads to another port from now on; connections that are there are reset. */
  lead(port: number): void {
    this.#port = port
    this.reset()
  }

  /** Resets every connection (RST), or one by chance. */
  reset(which: 'all' | 'one' = 'all'): void {
    const links = [...this.#links]
    const one = links[Math.floor(this.#random.next() * links.length)]
    for (const link of which === 'all' ? links : one === undefined ? [] : [one]) link.cut()
  }

  /**
   * Lets exactly so many more bytes of replies through on each connection that is there, or on the next
   * one, then closes it: the client does not know what became of its call.
   */
  cutReplyAfter(bytes: number): void {
    if (this.#links.size === 0) this.#nextReply = bytes
    for (const link of this.#links) link.cutReplyAfter(bytes)
  }
  #nextReply: number | undefined

  /** Closes all connections and the port. */
  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve))
    this.reset()
    await closed
  }

  #accept(client: Socket): void {
    if (this.#faults.refuses) {
      client.resetAndDestroy()
      return
    }
    const { host = '127.0.0.1' } = this.#options
    const port = this.#port
    const link = new Link({
      client,
      server: connect({ port, host, allowHalfOpen: true }),
      faults: () => this.#faults,
      random: this.#random,
      ended: () => this.#links.delete(link),
    })
    this.#links.add(link)
    if (this.#nextReply !== undefined) link.cutReplyAfter(this.#nextReply)
    this.#nextReply = undefined
  }
}

interface LinkOptions {
  readonly client: Socket
  readonly server: Socket
  readonly faults: () => LinkFaults
  readonly random: Random
  readonly ended: () => void
}

/** One connection: a pipe in each direction. */
class Link {
  readonly #options: LinkOptions
  readonly #pipes: readonly Pipe[]

  constructor(options: LinkOptions) {
    this.#options = options
    const { client, server } = options
    client.allowHalfOpen = true
    this.#pipes = [
      new Pipe(client, server, { ...options, direction: 'up', cut: () => this.cut() }),
      new Pipe(server, client, { ...options, direction: 'down', cut: () => this.cut() }),
    ]
    for (const socket of [client, server]) {
      socket.setNoDelay(true)
      socket.once('error', () => this.cut())
      socket.once('close', () => {
        if (client.destroyed && server.destroyed) options.ended()
      })
    }
  }

  /** Faults have changed. */
  flow(): void {
    for (const pipe of this.#pipes) pipe.flow()
  }

  cutReplyAfter(bytes: number): void {
    this.#pipes[1]?.cutAfter(bytes)
  }

  abandon(): void {
    for (const pipe of this.#pipes) pipe.abandon()
  }

  cut(): void {
    for (const pipe of this.#pipes) pipe.stop()
    for (const socket of [this.#options.client, this.#options.server]) {
      reset(socket)
    }
  }
}

/**
 * Resets a connection. One whose end has been said cannot be: Node would keep it for ever, and with it the
 * process.
 */
function reset(socket: Socket): void {
  if (socket.destroyed) return
  if (socket.writableEnded) socket.destroy()
  else socket.resetAndDestroy()
}

interface PipeOptions extends LinkOptions {
  readonly direction: Direction
  readonly cut: () => void
}

/** The last of a direction: the other side has said that it sends no more. */
const end = Symbol('end')

/** One direction: pieces are handed on in their order, each when its time has come. */
class Pipe {
  readonly #from: Socket
  readonly #to: Socket
  readonly #options: PipeOptions
  readonly #waiting: { readonly piece: Buffer | typeof end; readonly due: number }[] = []
  #left = Infinity
  #timer: NodeJS.Timeout | undefined
  #lastDue = 0
  #stopped = false
  #abandoned = false

  constructor(from: Socket, to: Socket, options: PipeOptions) {
    this.#from = from
    this.#to = to
    this.#options = options
    from.on('data', (data) => this.#take(data))
    from.once('end', () => this.#queue(end))
    if (this.#stalled) from.pause()
  }

  get #stalled(): boolean {
    return this.#abandoned || this.#options.faults().stalled.includes(this.#options.direction)
  }

  /** Hands on what is due. */
  flow(): void {
    clearTimeout(this.#timer)
    if (this.#stopped) return
    if (this.#stalled) {
      this.#from.pause()
      return
    }
    this.#from.resume()
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      const rest = first.due - performance.now()
      if (rest > 0) {
        this.#timer = setTimeout(() => this.flow(), rest)
        return
      }
      this.#waiting.shift()
      if (!this.#give(first.piece)) return
    }
  }

  /** Cuts the connection when so many more bytes have been handed on. */
  cutAfter(bytes: number): void {
    this.#left = bytes
    if (bytes === 0) this.#options.cut()
  }

  /** Hands on nothing any more, and stays. */
  abandon(): void {
    this.#abandoned = true
    this.flow()
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
  }

  #take(data: Buffer): void {
    const { chop } = this.#options.faults()
    for (let at = 0; at < data.length; at += chop) {
      this.#queue(data.subarray(at, Math.min(data.length, at + chop)))
      if (chop === Infinity) return this.flow()
    }
    this.flow()
  }

  #queue(piece: Buffer | typeof end): void {
    const { latency, jitter, chop } = this.#options.faults()
    const takes = latency + jitter * this.#options.random.next()
    // Pieces of one write come apart in time, too, or the kernel would join them again.
    const apart = chop === Infinity ? 0 : 1
    const due = Math.max(performance.now() + takes, this.#lastDue + apart)
    this.#lastDue = due
    this.#waiting.push({ piece, due })
    if (piece === end) this.flow()
  }

  /** Whether the connection is still there afterwards. */
  #give(piece: Buffer | typeof end): boolean {
    if (piece === end) {
      this.#to.end()
      return true
    }
    if (piece.length < this.#left) {
      this.#left -= piece.length
      this.#to.write(piece)
      return true
    }
    // Ended, not reset: a reset would take with it what has not been read yet.
    this.stop()
    reset(this.#from)
    this.#to.end(piece.subarray(0, this.#left), () => this.#to.destroySoon())
    return false
  }
}
