import type { Connection } from './connection.ts'

/**
 * The tokens that name claims: `2^40 + (process number << 20 | claim counter)`.
 *
 * Every opened instance draws a process number of its own from a counter in the store, at its first
 * claim, and another one after each million claims; so no token is ever given twice, and all tokens
 * of an instance can be told from those of others. All are below 2^47 and therefore of equal width in
 * a record (6 bytes). Process numbers start over after 133 million, when nothing of the old ones is
 * left.
 */
const base = 2 ** 40
const perNumber = 2 ** 20
const numbers = 2 ** 27 - 2 ** 20 - 1

/** See the top of the file. */
export class Tokens {
  /** Process numbers of this instance, oldest first. */
  readonly mine: number[]
  #current: number | undefined
  #used = 0
  #drawn = 0
  #claims = 0

  constructor(mine: readonly number[] = []) {
    this.mine = [...mine]
  }

  /** A token that was never given before. Inside a write transaction. */
  next(sql: Connection): number {
    return this.take(sql, 1)
  }

  /** The first of so many tokens in a row, none of which was given before. Inside a write transaction. */
  take(sql: Connection, count: number): number {
    if (this.#current === undefined || this.#used + count > perNumber) this.#draw(sql)
    const first = base + (this.#current ?? 0) * perNumber + this.#used
    this.#used += count
    return first
  }

  /** Which of `count` queues is served first this time: each in turn. */
  turnOf(count: number): number {
    return count === 0 ? 0 : this.#claims++ % count
  }

  /** The tokens of each of our process numbers: from, and below. */
  ranges(): { from: number; below: number }[] {
    return this.mine.map((no) => {
      const from = base + no * perNumber
      return { from, below: from + perNumber }
    })
  }

  /** The drawn numbers are in the store now. */
  committed(): void {
    this.#drawn = 0
  }

  /** The drawn numbers are not in the store: another process will get them. */
  rolledBack(): void {
    if (this.#drawn === 0) return
    this.mine.length -= this.#drawn
    this.#current = undefined
    this.#drawn = 0
  }

  #draw(sql: Connection): void {
    const row = sql.get<{ value: number }>(
      "UPDATE tw_counter SET value = value + 1 WHERE name = 'process' RETURNING value",
    )
    this.#current = (Number(row?.value ?? 1) % numbers) + 1
    this.#used = 0
    this.#drawn++
    this.mine.push(this.#current)
  }
}
