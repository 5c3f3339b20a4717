import { sleep } from '../core/clock.ts'
import {
  QueueFullError,
  SendFailedError,
  TaskwrightError,
  UnsupportedError,
} from '../core/errors.ts'
import type { Codec } from '../core/codec.ts'
import { priorityNumber } from '../core/labels.ts'
import type { Body, Envelope, Message } from '../core/message.ts'
import type { StoredResult } from '../core/result.ts'
import type { Middleware, Sending } from '../core/middleware.ts'
import type { Gate } from '../core/gate.ts'
import type { SendStatus, Transport } from '../core/transport.ts'
import type { Unique } from '../core/unique.ts'
import type { Surroundings } from '../core/vendor.ts'
import { ItemFailure, TurnBatch } from '../coalescing/turn-batch.ts'
import type { ClaimCheck, Written } from './claim-check.ts'
import { isIsolated } from './isolation.ts'
import { isRefusal } from './refusal.ts'
import { throughSendHooks } from './send-hooks.ts'

/** Where and when a message goes, beside what it says. */
export interface Route {
  /** The id was drawn for this message; see {@link Envelope.fresh}. */
  readonly fresh?: boolean | undefined
  readonly queue: string
  readonly priority: number
  readonly delay?: number | undefined
  readonly at?: number | undefined
  readonly expires?: number | undefined
  readonly unique?: Unique | undefined
  readonly gates?: readonly Gate[] | undefined
}

/** A message and its route. */
export interface Outgoing {
  readonly message: Message
  readonly route: Route
  /** Its bytes, where no hook may change what they say, and what of it is kept apart. */
  readonly body?: Body | undefined
  readonly apart?: StoredResult | undefined
  /** Its arguments travel with it, whatever their size. */
  readonly whole?: true | undefined
}

/** A message that is ready to be stored, once what of it is kept apart is. */
interface Ready {
  readonly envelope: Envelope
  readonly apart: StoredResult | undefined
}

/** How a full queue treats its senders. */
export type WhenFull = 'refuse' | 'wait'

/** What a {@link Sender} needs. */
export interface SenderOptions {
  readonly transport: Transport
  readonly codec: Codec
  /** Keeps large arguments apart. Absent: all travel. */
  readonly claimCheck?: ClaimCheck | undefined
  readonly middlewares: readonly Middleware[]
  readonly surroundings: Surroundings
  readonly whenFull: (queue: string) => WhenFull
}

const mostPerBatch = 1000
/** Pieces of one turn that are under way at once. */
const mostPieces = 20
const waitForRoom = { first: 5, longest: 250 }

/**
 * Takes messages through the middlewares into the transport. Single sends of one turn of the event
 * loop become one write; what the store refuses in it is refused for that message alone.
 */
export class Sender {
  readonly #options: SenderOptions
  readonly #batch: TurnBatch<Envelope, SendStatus>
  readonly #hooks: readonly Middleware[]

  constructor(options: SenderOptions) {
    this.#options = options
    this.#hooks = options.middlewares.filter((middleware) => middleware.send !== undefined)
    const size = options.transport.capabilities.sendPiece
    this.#batch = new TurnBatch({
      run: (envelopes) => this.#store(envelopes),
      most: mostPerBatch,
      inFlight: 2,
      piece: size === undefined ? undefined : { size, inFlight: mostPieces },
    })
  }

  /** Writes a message down now, unless hooks are to see it first. @throws DataNotPlainError, PayloadTooLargeError */
  pack(outgoing: Outgoing): Outgoing {
    if (this.#hooks.length > 0) return outgoing
    const { message, route, whole } = outgoing
    const { body, apart } = this.#writeDown(outgoing)
    return { message, route, whole, body, apart }
  }

  /** Sends one message. */
  async send(outgoing: Outgoing): Promise<SendStatus> {
    if (this.#hooks.length > 0) return this.#throughHooks(outgoing, (ready) => this.#add(ready))
    return this.#add(this.#ready(outgoing))
  }

  #add(ready: Ready): Promise<SendStatus> {
    const { envelope, apart } = ready
    // What most calls come to, without a promise for each way that they do not go.
    if (apart === undefined && this.#options.whenFull(envelope.queue) === 'refuse')
      return this.#batch.add(envelope)
    return this.#storeOne(ready, () =>
      this.#whenThereIsRoom([envelope], () => this.#batch.add(envelope)),
    )
  }

  /** Sends many: all or nothing up to 1,000, by pages beyond that. */
  async sendMany(outgoing: readonly Outgoing[]): Promise<readonly SendStatus[]> {
    const statuses: SendStatus[] = []
    for (let i = 0; i < outgoing.length; i += mostPerBatch) {
      statuses.push(...(await this.#sendPage(outgoing.slice(i, i + mostPerBatch))))
    }
    return statuses
  }

  /**
   * Hooks wrap each message, the store takes the page at once: the envelopes are collected first and
   * every hook waits for the one write. When a hook refuses one of them, none is written.
   */
  async #sendPage(page: readonly Outgoing[]): Promise<readonly SendStatus[]> {
    const write = (envelopes: readonly Envelope[]): Promise<readonly SendStatus[]> =>
      this.#whenThereIsRoom(envelopes, () => this.#write(envelopes))
    if (this.#hooks.length === 0) {
      const ready = page.map((one) => this.#ready(one))
      return this.#keepFirst(ready, () => write(ready.map(({ envelope }) => envelope)))
    }
    const collected: Envelope[] = []
    const gate = deferred<readonly SendStatus[]>()
    return Promise.all(
      page.map((one) =>
        this.#throughHooks(one, (ready) =>
          this.#storeOne(ready, async () => {
            const place = collected.push(ready.envelope) - 1
            if (collected.length === page.length) write(collected).then(gate.resolve, gate.reject)
            return (await gate.promise)[place] ?? 'stored'
          }),
        ).catch((error: unknown) => {
          gate.reject(error)
          throw error
        }),
      ),
    )
  }

  /** Has a message stored by somebody else, such as the user's transaction; hooks run as always. */
  sendWithin(
    outgoing: Outgoing,
    store: (envelope: Envelope) => Promise<SendStatus>,
  ): Promise<SendStatus> {
    return this.#throughHooks(outgoing, (ready) =>
      this.#storeOne(ready, () => store(ready.envelope)),
    )
  }

  /** The bytes of a message that is in the store already, and goes on with what it says now. @throws as {@link pack} */
  async rewrite(message: Message): Promise<Body> {
    const { claimCheck } = this.#options
    const { body, apart } = this.#writeDown({ message, route: {} })
    if (apart !== undefined) await claimCheck?.keep([apart])
    return body
  }

  /** Resolves when nothing is on its way. */
  idle(): Promise<void> {
    return this.#batch.idle()
  }

  #ready(outgoing: Outgoing): Ready {
    const { message, route } = outgoing
    if (route.unique !== undefined || route.gates !== undefined) this.#checkKeyed(message, route)
    const { body, apart } = this.#writeDown(outgoing)
    return { envelope: { id: message.id, body, ...route }, apart }
  }

  #writeDown(
    outgoing: Pick<Outgoing, 'message' | 'body' | 'apart' | 'whole'> & {
      readonly route: Pick<Route, 'delay' | 'at'>
    },
  ): Written {
    const { codec, claimCheck } = this.#options
    const { message, route, body, apart, whole } = outgoing
    if (body !== undefined) return { body, apart }
    if (claimCheck === undefined || whole === true) return { body: codec.encodeMessage(message) }
    return claimCheck.write(message, route)
  }

  /**
   * What is kept apart is there before its message, and goes again with one that is refused. Most messages keep
   * nothing apart, and pay nothing for it.
   */
  #storeOne(ready: Ready, store: () => Promise<SendStatus>): Promise<SendStatus> {
    if (ready.apart === undefined) return store()
    return this.#keepFirst([ready], async () => [await store()]).then(
      ([status = 'stored']) => status,
    )
  }

  async #keepFirst(
    ready: readonly Ready[],
    store: () => Promise<readonly SendStatus[]>,
  ): Promise<readonly SendStatus[]> {
    const { claimCheck } = this.#options
    const apart = ready.flatMap((one) => one.apart ?? [])
    if (claimCheck === undefined || apart.length === 0) return store()
    try {
      await claimCheck.keep(apart)
      const statuses = await store()
      const unstored = ready.flatMap((one, i) => (isKept(statuses[i]) ? (one.apart ?? []) : []))
      if (unstored.length > 0) await claimCheck.drop(unstored)
      return statuses
    } catch (error) {
      if (isRefusal(error)) await claimCheck.drop(apart)
      throw asSendError(error)
    }
  }

  /** @throws UnsupportedError */
  #checkKeyed({ task }: Message, { unique, gates }: Route): void {
    const { name, capabilities } = this.#options.transport
    if (unique !== undefined && !capabilities.unique) {
      throw new UnsupportedError(
        `transport '${name}' keeps no unique keys: task '${task}' cannot be \`unique\`, debounced or throttled on it.`,
      )
    }
    if (gates !== undefined && !capabilities.gates) {
      throw new UnsupportedError(
        `transport '${name}' knows no limits over all processes: task '${task}' cannot have \`concurrency\`, \`ordered\` or \`fair\` on it.`,
      )
    }
  }

  async #throughHooks(
    outgoing: Outgoing,
    store: (ready: Ready) => Promise<SendStatus>,
  ): Promise<SendStatus> {
    if (this.#hooks.length === 0) return store(this.#ready(outgoing))
    const { message, route, whole } = outgoing
    return throughSendHooks(
      { message, queue: route.queue },
      {
        hooks: this.#hooks,
        logger: this.#options.surroundings.logger,
        store: async (sending) =>
          store(this.#ready({ message: sending.message, route: rerouted(route, sending), whole })),
      },
    )
  }

  async #whenThereIsRoom<T>(envelopes: readonly Envelope[], work: () => Promise<T>): Promise<T> {
    const { clock, random } = this.#options.surroundings
    for (let wait = waitForRoom.first; ; wait = Math.min(wait * 2, waitForRoom.longest)) {
      try {
        return await work()
      } catch (error) {
        const waits =
          error instanceof QueueFullError &&
          this.#options.whenFull(error.queue) === 'wait' &&
          envelopes.length <= error.cap
        if (!waits) throw error
        await sleep(clock, wait * (0.5 + random.next()))
      }
    }
  }

  /** One batch of single sends: what is refused must be refused alone. */
  async #store(envelopes: readonly Envelope[]): Promise<readonly (SendStatus | ItemFailure)[]> {
    try {
      return await this.#write(envelopes)
    } catch (error) {
      if (!isRefusal(error) || envelopes.length === 1) throw error
    }
    const full = new Map<string, ItemFailure>()
    const statuses: (SendStatus | ItemFailure)[] = []
    for (const envelope of envelopes) {
      const refused = full.get(envelope.queue)
      if (refused !== undefined) {
        statuses.push(refused)
        continue
      }
      try {
        const [status = 'stored'] = await this.#write([envelope])
        statuses.push(status)
      } catch (error) {
        // Also when the store fails now: what was stored before must be told so.
        const failure = new ItemFailure(error)
        if (error instanceof QueueFullError) full.set(envelope.queue, failure)
        statuses.push(failure)
      }
    }
    return statuses
  }

  async #write(envelopes: readonly Envelope[]): Promise<readonly SendStatus[]> {
    const { transport } = this.#options
    if (!transport.capabilities.shared && isIsolated()) {
      throw new UnsupportedError(
        `an isolated task cannot send through transport '${transport.name}', which lives in one process: the message would be lost with the thread or process. Use sqlite:… or another shared transport.`,
      )
    }
    try {
      return await transport.send(envelopes)
    } catch (error) {
      throw asSendError(error)
    }
  }
}

/** The route after the hooks: they may name another queue, or another priority by its label. */
function rerouted(route: Route, { queue, message }: Sending): Route {
  const priority = priorityNumber(message.labels['priority']) ?? route.priority
  return { ...route, queue, priority }
}

/** Nothing was stored: another message has the key. */
function isKept(status: SendStatus | undefined): boolean {
  return typeof status === 'object' && 'kept' in status
}

function asSendError(error: unknown): unknown {
  if (error instanceof TaskwrightError) return error
  const why = error instanceof Error ? error.message : String(error)
  return new SendFailedError(`the message could not be stored: ${why}. Sending it again is safe.`, {
    cause: error,
  })
}

interface Deferred<T> {
  readonly promise: Promise<T>
  readonly resolve: (value: T) => void
  readonly reject: (error: unknown) => void
}

function deferred<T>(): Deferred<T> {
  let resolve: (value: T) => void = () => {}
  let reject: (error: unknown) => void = () => {}
  const promise = new Promise<T>((yes, no) => {
    resolve = yes
    reject = no
  })
  // Whoever waits sees the rejection; nobody may be waiting yet.
  promise.catch(() => {})
  return { promise, resolve, reject }
}
