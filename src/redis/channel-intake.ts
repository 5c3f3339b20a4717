import type { RedisLink } from '../connections/redis/redis-link.ts'
import { queueArguments } from './claim-batch.ts'
import { idInBody } from './entries.ts'
import type { RedisStore } from './redis-store.ts'
import { hearScript } from './scripts/popped-scripts.ts'
import { fromWire, toWire } from './wire-body.ts'

/** Milliseconds for which the id of a message that was heard is known. */
const known = 600_000

/**
 * Hears the channels of TaskIQ's pub/sub broker. All workers of ours together are one listener: each of
 * them hears every message, and the first to store it is the one whose copy is kept.
 */
export class ChannelIntake {
  readonly #store: RedisStore
  readonly #heard = new Map<string, Promise<void>>()
  #link: Promise<RedisLink> | undefined

  constructor(store: RedisStore) {
    this.#store = store
  }

  /** Begins to hear these queues; resolves when what is said from now on is heard. @throws StoreError */
  async hear(queues: readonly string[]): Promise<void> {
    await Promise.all(queues.map((queue) => this.#hearOne(queue)))
  }

  /** Hears nothing more. */
  async close(): Promise<void> {
    const link = this.#link
    this.#link = undefined
    this.#heard.clear()
    ;(await link?.catch(() => undefined))?.cut()
  }

  #hearOne(queue: string): Promise<void> {
    let hearing = this.#heard.get(queue)
    if (hearing === undefined) {
      hearing = this.#subscribe(queue)
      hearing.catch(() => this.#heard.delete(queue))
      this.#heard.set(queue, hearing)
    }
    return hearing
  }

  async #subscribe(queue: string): Promise<void> {
    await this.#store.ensureGroup(queue)
    const { shared } = this.#store.keys.queue(queue)
    const link = await (this.#link ??= this.#connect())
    link.client.on('messageBuffer', (channel: Buffer, message: Buffer) => {
      if (channel.toString() === shared) void this.#keep(queue, message)
    })
    await link.subscribe(shared)
  }

  async #keep(queue: string, message: Buffer): Promise<void> {
    const store = this.#store
    const body = fromWire(message)
    const id = idInBody(body) ?? store.idOf(body) ?? ''
    try {
      const args = [...queueArguments(store, [queue]), known, 1, id, toWire(body)]
      await store.run(hearScript, [store.keys.queue(queue).stream], args)
    } catch (error) {
      store.around.logger.error(
        'a message of a channel was heard and could not be stored: it is lost here',
        {
          queue,
          id,
          error,
        },
      )
    }
  }

  async #connect(): Promise<RedisLink> {
    const { connector, instance } = this.#store
    const link = await connector.link({ name: `taskwright:${instance}:channels` })
    await link.open()
    return link
  }
}
