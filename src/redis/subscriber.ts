import type { SignalBell } from '../coalescing/signal-bell.ts'
import type { RedisConnector } from '../connections/redis/redis-connector.ts'
import type { RedisLink } from '../connections/redis/redis-link.ts'

/** What is told of results: the id, and the body where it is small. */
export type ResultListener = (id: string, body: string | undefined) => void
export type CancelListener = (id: string, reason: string) => void

/** Where it hears, and what it rings. */
export interface Hearing {
  readonly connector: RedisConnector
  /** What the channels of the application begin with. */
  readonly app: string
  /** Names this process among all. */
  readonly instance: string
  /** Rung when something may be claimed. */
  readonly work: SignalBell
}

/**
 * Hears what other processes tell: that there is work, that a result is there, that a message was
 * cancelled. Subscribes when somebody listens first. After each (re)connection everybody looks, since
 * whatever was told meanwhile was told to nobody.
 */
export class Subscriber {
  readonly #on: Hearing
  readonly #results = new Set<ResultListener>()
  readonly #cancels = new Set<CancelListener>()
  readonly #looks = new Set<() => void>()
  #link: Promise<RedisLink> | undefined
  readonly #channels = new Map<string, (text: string) => void>()
  #subscribed = new Set<string>()

  constructor(on: Hearing) {
    this.#on = on
  }

  /** The channel on which this process hears of results. */
  get resultChannel(): string {
    return `${this.#on.app}r:${this.#on.instance}`
  }

  /** Begins to hear that there is work. @throws StoreError */
  hearWork(): Promise<void> {
    return this.#subscribe(`${this.#on.app}wake`)
  }

  /** Begins to hear of results; returns what ends it. `look`: results may be there that were not told. */
  async hearResults(listener: ResultListener, look: () => void): Promise<() => void> {
    this.#results.add(listener)
    this.#looks.add(look)
    await this.#subscribe(this.resultChannel)
    return () => {
      this.#results.delete(listener)
      this.#looks.delete(look)
    }
  }

  /** Begins to hear of cancels; returns what ends it. */
  hearCancels(listener: CancelListener, onError: (error: unknown) => void): () => void {
    this.#cancels.add(listener)
    this.#subscribe(`${this.#on.app}cancels`).catch(onError)
    return () => void this.#cancels.delete(listener)
  }

  /** Begins to hear a channel; one listener each, the last. @throws StoreError */
  async hear(channel: string, listener: (text: string) => void): Promise<void> {
    this.#channels.set(channel, listener)
    await this.#subscribe(channel)
  }

  /** Hears a channel no more. */
  async forget(channel: string): Promise<void> {
    this.#channels.delete(channel)
    if (!this.#subscribed.delete(channel)) return
    const link = await this.#link?.catch(() => undefined)
    await link?.client.unsubscribe(channel).catch(() => {})
  }

  /** Closes the connection. Idempotent. */
  async close(): Promise<void> {
    const link = this.#link
    this.#link = undefined
    this.#subscribed = new Set()
    ;(await link?.catch(() => undefined))?.cut()
  }

  async #subscribe(channel: string): Promise<void> {
    if (this.#subscribed.has(channel)) return
    this.#subscribed.add(channel)
    const connecting = (this.#link ??= this.#connect())
    try {
      const link = await connecting
      await link.subscribe(channel)
    } catch (error) {
      // Of a connection on which one failed, nobody knows what it hears: others must not stay with it.
      if (this.#link === connecting) await this.close()
      else this.#subscribed.delete(channel)
      throw error
    }
  }

  async #connect(): Promise<RedisLink> {
    const { connector, instance } = this.#on
    const link = await connector.link({ name: `taskwright:${instance}:hears` })
    link.client.on('message', (channel: string, text: string) => this.#heard(channel, text))
    link.client.on('ready', () => {
      this.#on.work.ring()
      for (const look of this.#looks) look()
    })
    await link.open()
    return link
  }

  #heard(channel: string, text: string): void {
    const own = this.#channels.get(channel)
    if (own !== undefined) return own(text)
    const { app } = this.#on
    if (channel === `${app}wake`) return this.#on.work.ring()
    const cut = text.indexOf('\n')
    const [id, rest] = cut < 0 ? [text, undefined] : [text.slice(0, cut), text.slice(cut + 1)]
    if (channel === this.resultChannel) for (const listener of this.#results) listener(id, rest)
    else if (channel === `${app}cancels`)
      for (const listener of this.#cancels) listener(id, rest ?? 'cancelled')
  }
}
