import type { RedisLink } from '../connections/redis/redis-link.ts'
import { queueArguments } from './claim-batch.ts'
import type { RedisStore } from './redis-store.ts'
import { takeScript } from './scripts/popped-scripts.ts'

/** Seconds of a wait for one message, at most. */
const longestWait = 2
/** Milliseconds between two attempts to end a wait that may not have begun. */
const unblockEvery = 5

/**
 * Takes messages out of TaskIQ's lists, as many as there is room for: what is left in them is there for
 * Python. Each goes in one step from the list into a stream of ours, under whose leases it is safe.
 */
export class ListIntake {
  readonly #store: RedisStore
  readonly #idle: RedisLink[] = []

  constructor(store: RedisStore) {
    this.#store = store
  }

  /** Takes what is there. @throws StoreError */
  async take(queues: readonly string[], room: number): Promise<void> {
    for (const queue of queues) {
      await this.#store.ensureGroup(queue)
      const { stream, shared } = this.#store.keys.queue(queue)
      const args = [...queueArguments(this.#store, [queue]), shared, room]
      await this.#store.run(takeScript, [stream], args)
    }
  }

  /** Waits for one message after another until `signal` aborts; resolves when no wait is open any more. */
  async watch(queues: readonly string[], signal: AbortSignal): Promise<void> {
    await Promise.all(queues.map((queue) => this.#watchOne(queue, signal)))
  }

  /** Lets connections go. */
  close(): void {
    for (const link of this.#idle.splice(0)) link.cut()
  }

  async #watchOne(queue: string, signal: AbortSignal): Promise<void> {
    const { shared, side } = this.#store.keys.queue(queue)
    const link = this.#idle.pop() ?? (await this.#open())
    try {
      while (!signal.aborted) {
        const id = Number(await link.call('CLIENT', ['ID']))
        // In two steps that lose nothing: what was moved and not taken is taken by whoever comes next.
        const waiting = link.raw('BLMOVE', [
          ...[shared, `${side}taken`, 'RIGHT', 'LEFT'],
          longestWait,
        ])
        const moved = await this.#orEnded(waiting, { id, signal })
        if (moved !== null) await this.take([queue], 0)
      }
      this.#idle.push(link)
    } catch (error) {
      link.cut()
      throw link.failure(error)
    }
  }

  /** What a wait answers, which is ended when the signal aborts. */
  async #orEnded(
    waiting: Promise<unknown>,
    { id, signal }: { id: number; signal: AbortSignal },
  ): Promise<unknown> {
    const { clock } = this.#store.around
    let open = true
    const end = async (): Promise<void> => {
      while (open) {
        await this.#store.commands.call('CLIENT', ['UNBLOCK', id]).catch(() => {})
        if (open) await new Promise<void>((resolve) => clock.after(unblockEvery, resolve))
      }
    }
    const onAbort = (): void => void end()
    signal.addEventListener('abort', onAbort)
    if (signal.aborted) onAbort()
    try {
      return await waiting
    } finally {
      open = false
      signal.removeEventListener('abort', onAbort)
    }
  }

  async #open(): Promise<RedisLink> {
    const { connector, instance } = this.#store
    const link = await connector.link({ name: `taskwright:${instance}:lists`, blocking: true })
    await link.open()
    return link
  }
}
