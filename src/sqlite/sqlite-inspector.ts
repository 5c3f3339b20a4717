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
import { PagePlaces } from '../core/page-places.ts'
import type { PagePlace } from './operations.ts'
import type { SqliteStore } from './sqlite-store.ts'

/** Looks into a store that its transport or result backend has opened. */
export class SqliteInspector implements Inspector {
  readonly #store: SqliteStore
  readonly #places = new PagePlaces<PagePlace>()
  /** Of those that are scheduled: a message that came back has a place of its own by its time. */
  readonly #times = new PagePlaces<PagePlace>()

  constructor(store: SqliteStore) {
    this.#store = store
  }

  queues(): Promise<readonly QueueCounts[]> {
    return this.#store.call('queues', null)
  }

  peek(queue: string, page: PageRequest): Promise<readonly StoredMessage[]> {
    return this.#page('peek', { queue, page, places: this.#places })
  }

  scheduled(queue: string, page: PageRequest): Promise<readonly StoredMessage[]> {
    return this.#page('scheduled', { queue, page, places: this.#times })
  }

  async #page(
    kind: 'peek' | 'scheduled',
    of: { queue: string; page: PageRequest; places: PagePlaces<PagePlace> },
  ): Promise<readonly StoredMessage[]> {
    const { queue, page, places } = of
    const from = page.after === undefined ? undefined : places.of(queue, page.after)
    const { messages, last } = await this.#store.call(kind, { queue, page, from })
    const end = messages.at(-1)
    if (end !== undefined && last !== undefined) places.note(queue, end.id, last)
    return messages
  }

  states(ids: readonly string[]): Promise<readonly (TaskStatus | null)[]> {
    return this.#store.call('states', ids)
  }

  keyHolders(keys: readonly string[]): Promise<readonly (string | null)[]> {
    return this.#store.call('keyHolders', keys)
  }

  deadLetters(page: PageRequest & { queue?: string | undefined }): Promise<readonly DeadLetter[]> {
    return this.#store.call('deadLetters', page)
  }

  deadLetter(id: string): Promise<DeadLetter | null> {
    return this.#store.call('deadLetter', id)
  }

  retryDead(
    ids: readonly string[],
    bodies?: ReadonlyMap<string, Body>,
  ): Promise<readonly string[]> {
    return this.#store.call('retryDead', { ids, bodies })
  }

  deleteDead(ids: readonly string[]): Promise<number> {
    return this.#store.call('deleteDead', ids)
  }

  trimDead(trim: DeadTrim): Promise<number> {
    return this.#store.call('trimDead', trim)
  }
}
