import type { ControlledTransaction, Kysely } from 'kysely'
import type { Tables } from './tables.ts'

/**
 * One transaction for one task: begun at its first use, committed when the task has succeeded, rolled
 * back when it has failed. Do what waits for the network before: on SQLite an open transaction keeps
 * all others from writing.
 */
export class Session {
  readonly #db: Kysely<Tables>
  readonly #after: (() => Promise<unknown>)[] = []
  #transaction: Promise<ControlledTransaction<Tables>> | undefined

  constructor(db: Kysely<Tables>) {
    this.#db = db
  }

  /** The transaction. While it is open, everything that the task reads and writes goes through it. */
  begin(): Promise<ControlledTransaction<Tables>> {
    this.#transaction ??= this.#db.startTransaction().execute()
    return this.#transaction
  }

  /**
   * Done when the data is safely there: messages are sent and files deleted then, never before. A death
   * in between repeats the task, which must find that out.
   */
  afterCommit(work: () => Promise<unknown>): void {
    this.#after.push(work)
  }

  async commit(): Promise<void> {
    await (await this.#transaction)?.commit().execute()
    for (const work of this.#after) await work()
  }

  async rollback(): Promise<void> {
    await (await this.#transaction)?.rollback().execute()
  }
}
