import type { Connection } from './connection.ts'

/**
 * The numbers of queues: messages carry a small number instead of the name (108k against 98k messages
 * a second). A number is never changed or used again, so what was read once stays true; only a
 * rollback may take back numbers that were drawn in it.
 */
export class QueueNumbers {
  readonly #numbers = new Map<string, number>()
  readonly #names = new Map<number, string>()
  #drawn: string[] = []

  /** The number of a queue, or `undefined` where the store has never seen it. */
  find(sql: Connection, name: string): number | undefined {
    const known = this.#numbers.get(name)
    if (known !== undefined) return known
    const row = sql.get<{ no: number }>('SELECT no FROM tw_queue WHERE name = ?', name)
    return row === undefined ? undefined : this.#keep(name, row.no)
  }

  /** The number of a queue, which is drawn now where there is none. Inside a write transaction. */
  draw(sql: Connection, name: string): number {
    const found = this.find(sql, name)
    if (found !== undefined) return found
    sql.run('INSERT INTO tw_queue(name) VALUES (?)', name)
    const row = sql.get<{ no: number }>('SELECT no FROM tw_queue WHERE name = ?', name)
    this.#drawn.push(name)
    return this.#keep(name, row?.no ?? 0)
  }

  /** The name of a number. */
  name(sql: Connection, no: number): string {
    const known = this.#names.get(no)
    if (known !== undefined) return known
    const row = sql.get<{ name: string }>('SELECT name FROM tw_queue WHERE no = ?', no)
    const name = row?.name ?? ''
    this.#keep(name, no)
    return name
  }

  /** What was drawn is in the store now. */
  committed(): void {
    if (this.#drawn.length > 0) this.#drawn = []
  }

  /** What was drawn is not in the store. */
  rolledBack(): void {
    for (const name of this.#drawn) {
      const no = this.#numbers.get(name)
      this.#numbers.delete(name)
      if (no !== undefined) this.#names.delete(no)
    }
    this.#drawn = []
  }

  #keep(name: string, no: number): number {
    this.#numbers.set(name, no)
    this.#names.set(no, name)
    return no
  }
}
