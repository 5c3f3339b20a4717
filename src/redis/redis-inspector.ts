import type { RedisArgument } from '../connections/redis/redis-client.ts'
import type {
  DeadLetter,
  DeadTrim,
  Inspector,
  PageRequest,
  QueueCounts,
  StoredMessage,
} from '../core/inspector.ts'
import type { Body } from '../core/message.ts'
import type { TaskStatus } from '../core/states.ts'
import { queueArguments } from './claim-batch.ts'
import { deadLetterOf, deadPage } from './dead-letters.ts'
import { askByPlace, placeArguments } from './locate.ts'
import { QueuePages } from './peek.ts'
import type { RedisStore } from './redis-store.ts'
import { deleteDeadScript, retryDeadScript, trimDeadScript } from './scripts/dead-scripts.ts'
import { countScript, stateScript } from './scripts/inspect-scripts.ts'
import { allQueues } from './search.ts'
import { needsId, wholeMs } from './send.ts'
import { toWire } from './wire-body.ts'

/** Looks into a store that its transport or result backend has opened. */
export class RedisInspector implements Inspector {
  readonly #store: RedisStore
  readonly #pages: QueuePages

  constructor(store: RedisStore) {
    this.#store = store
    this.#pages = new QueuePages(store)
  }

  async queues(): Promise<readonly QueueCounts[]> {
    const names = await allQueues(this.#store)
    const counts = (await this.#store.run(
      countScript,
      this.#streams(names),
      queueArguments(this.#store, names),
    )) as readonly (readonly [number, number, number, number, string])[]
    // What waits in a list of Python's waits too; a stream or nothing answers 0.
    const popped = await Promise.all(names.map((queue) => this.#poppedLater(queue)))
    return names.map((queue, i) => {
      const [queued = 0, scheduled = 0, running = 0, dead = 0, cap = ''] = counts[i] ?? []
      return {
        queue,
        queued: queued + (popped[i] ?? 0),
        scheduled,
        running,
        dead,
        cap: cap === '' ? null : Number(cap),
      }
    })
  }

  async #poppedLater(queue: string): Promise<number> {
    const { stream, shared, side } = this.#store.keys.queue(queue)
    if (stream === shared) return 0
    const lengths = await Promise.all(
      [shared, `${side}taken`].map((list) => this.#store.commands.call('LLEN', [list])),
    )
    return lengths.reduce((sum: number, length) => sum + Number(length), 0)
  }

  peek(queue: string, page: PageRequest): Promise<readonly StoredMessage[]> {
    return this.#pages.peek(queue, page)
  }

  scheduled(queue: string, page: PageRequest): Promise<readonly StoredMessage[]> {
    return this.#pages.scheduled(queue, page)
  }

  async states(ids: readonly string[]): Promise<readonly (TaskStatus | null)[]> {
    const states = await askByPlace<string>(this.#store, ids, async (pairs, queues) => {
      const { keys, args } = stateArguments(this.#store, pairs, queues)
      return (await this.#store.run(stateScript, keys, args)) as readonly string[]
    })
    return states.map((state) => (state === '' ? null : (state as TaskStatus)))
  }

  async keyHolders(keys: readonly string[]): Promise<readonly (string | null)[]> {
    if (keys.length === 0) return []
    const { commands, keys: names } = this.#store
    const texts = (await commands.call('HMGET', [`${names.app}uniq`, ...keys])) as (string | null)[]
    return texts.map((text) => text?.split('|').slice(5).join('|') ?? null)
  }

  deadLetters(page: PageRequest & { queue?: string | undefined }): Promise<readonly DeadLetter[]> {
    return deadPage(this.#store, page)
  }

  deadLetter(id: string): Promise<DeadLetter | null> {
    return deadLetterOf(this.#store, id)
  }

  async retryDead(
    ids: readonly string[],
    bodies?: ReadonlyMap<string, Body>,
  ): Promise<readonly string[]> {
    if (ids.length === 0) return []
    const names = await allQueues(this.#store)
    const args = ids.flatMap((id) => {
      const body = bodies?.get(id)
      return body === undefined
        ? [id, '', '']
        : [id, `b${needsId(id, body) ? 'i' : ''}`, toWire(body)]
    })
    return (await this.#store.run(retryDeadScript, this.#streams(names), [
      ...queueArguments(this.#store, names),
      ids.length,
      ...args,
    ])) as readonly string[]
  }

  async deleteDead(ids: readonly string[]): Promise<number> {
    if (ids.length === 0) return 0
    const names = await allQueues(this.#store)
    const args = [...queueArguments(this.#store, names), ids.length, ...ids]
    return Number(await this.#store.run(deleteDeadScript, this.#streams(names), args))
  }

  async trimDead({ queue, before = 0, keep = -1, limit }: DeadTrim): Promise<number> {
    const args = [...queueArguments(this.#store, [queue]), wholeMs(before), keep, limit]
    return Number(await this.#store.run(trimDeadScript, this.#streams([queue]), args))
  }

  #streams(queues: readonly string[]): string[] {
    return queues.map((queue) => this.#store.keys.queue(queue).stream)
  }
}

/** As the script reads them: queues first, then ids and places. */
function stateArguments(
  store: RedisStore,
  pairs: readonly RedisArgument[],
  queues: readonly string[],
): { keys: string[]; args: RedisArgument[] } {
  const { keys } = placeArguments(store, pairs, queues)
  return { keys, args: [...queueArguments(store, queues), pairs.length / 2, ...pairs] }
}
