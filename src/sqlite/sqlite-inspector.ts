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
import type { SqliteStore } from './sqlite-store.ts'

/** Looks into a store that its transport or result backend has opened. */
export class SqliteInspector implements Inspector {
  readonly #store: SqliteStore

  constructor(store: SqliteStore) {
    this.#store = store
  }

  queues(): Promise<readonly QueueCounts[]> {
    return this.#store.call('queues', null)
  }

  peek(queue: string, page: PageRequest): Promise<readonly StoredMessage[]> {
    return this.#store.call('peek', { queue, page })
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
