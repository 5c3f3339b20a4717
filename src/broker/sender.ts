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
import type { Middleware, Sending } from '../core/middleware.ts'
import type { Gate } from '../core/gate.ts'
import type { SendStatus, Transport } from '../core/transport.ts'
import type { Unique } from '../core/unique.ts'
import type { Surroundings } from '../core/vendor.ts'
import { ItemFailure, TurnBatch } from '../coalescing/turn-batch.ts'
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
  /** Its bytes, where no hook may change what they say. */
  readonly body?: Body | undefined
}

/** How a full queue treats its senders. */
export type WhenFull = 'refuse' | 'wait'

/** What a {@link Sender} needs. */
export interface SenderOptions {
  readonly transport: Transport
  readonly codec: Codec
  readonly middlewares: readonly Middleware[]
  readonly surroundings: Surroundings
  readonly whenFull: (queue: string) => WhenFull
}

const mostPerBatch = 1000
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
    this.#batch = new TurnBatch({
      run: (envelopes) => this.#store(envelopes),
      most: mostPerBatch,
      inFlight: 2,
    })
  }

  /** Writes a message down now, unless hooks are to see it first. @throws DataNotPlainError, PayloadTooLargeError */
  pack(outgoing: Outgoing): Outgoing {
    if (this.#hooks.length > 0) return outgoing
    return { ...outgoing, body: this.#options.codec.encodeMessage(outgoing.message) }
  }

  /** Sends one message. */
  send(outgoing: Outgoing): Promise<SendStatus> {
    return this.#throughHooks(outgoing, (envelope) =>
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
      return write(page.map((one) => this.#envelope(one)))
    }
    const collected: Envelope[] = []
    const gate = deferred<readonly SendStatus[]>()
    return Promise.all(
      page.map((one) =>
        this.#throughHooks(one, async (envelope) => {
          const place = collected.push(envelope) - 1
          if (collected.length === page.length) write(collected).then(gate.resolve, gate.reject)
          return (await gate.promise)[place] ?? 'stored'
        }).catch((error: unknown) => {
          gate.reject(error)
          throw error
        }),
      ),
    )
  }

  /** Stores messages inside the user's transaction; hooks run as always. */
  sendWithin(
    outgoing: Outgoing,
    store: (envelope: Envelope) => Promise<SendStatus>,
  ): Promise<SendStatus> {
    return this.#throughHooks(outgoing, store)
  }

  /** Resolves when nothing is on its way. */
  idle(): Promise<void> {
    return this.#batch.idle()
  }

  #envelope({ message, route, body }: Outgoing): Envelope {
    if (route.unique !== undefined || route.gates !== undefined) this.#checkKeyed(message, route)
    return { id: message.id, body: body ?? this.#options.codec.encodeMessage(message), ...route }
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
    store: (envelope: Envelope) => Promise<SendStatus>,
  ): Promise<SendStatus> {
    if (this.#hooks.length === 0) return store(this.#envelope(outgoing))
    const { message, route } = outgoing
    return throughSendHooks(
      { message, queue: route.queue },
      {
        hooks: this.#hooks,
        logger: this.#options.surroundings.logger,
        store: async (sending) =>
          store(this.#envelope({ message: sending.message, route: rerouted(route, sending) })),
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
