import {
  inTransaction,
  type SqliteHandle,
  type SqliteStatement,
  type SqlValue,
} from './sql-driver.ts'

/**
 * One connection and its prepared statements, each prepared at its first use. Statements keep the
 * connection alive through this object (a statement whose database was collected fails).
 */
export class Connection {
  readonly handle: SqliteHandle
  readonly #statements = new Map<string, SqliteStatement>()

  constructor(handle: SqliteHandle) {
    this.handle = handle
  }

  /** Runs a statement that returns no rows; how many rows it changed. */
  run(sql: string, ...values: SqlValue[]): number {
    return Number(this.#statement(sql).run(...values).changes)
  }

  /** The first row. The caller says its shape, which is that of the SQL beside it. */
  get<Row>(sql: string, ...values: SqlValue[]): Row | undefined {
    return (this.#statement(sql).get(...values) ?? undefined) as Row | undefined
  }

  /** All rows. */
  all<Row>(sql: string, ...values: SqlValue[]): Row[] {
    return this.#statement(sql).all(...values) as Row[]
  }

  /**
   * All rows, each as the array of its columns: half of the time of {@link all}, for what every task goes
   * through. A statement is read in one of the two ways, never in both.
   */
  tuples<Row extends readonly unknown[]>(sql: string, ...values: SqlValue[]): Row[] {
    let statement = this.#statements.get(sql)
    if (statement === undefined) {
      statement = this.#statement(sql)
      statement.setReturnArrays?.(true)
      statement.raw?.(true)
    }
    const rows = statement.all(...values)
    // A library that has neither (Node 22's) gives objects, whose members stand in the order of the columns.
    if (rows.length === 0 || Array.isArray(rows[0])) return rows as Row[]
    return rows.map((row) => Object.values(row as object)) as unknown as Row[]
  }

  /** Runs statements that are not kept. */
  exec(sql: string): void {
    this.handle.exec(sql)
  }

  /** Takes back an open transaction. SQLite may have done so itself (a full disk), so it is asked first. */
  rollback(): void {
    if (inTransaction(this.handle)) this.handle.exec('ROLLBACK')
  }

  /** Closes the database. */
  close(): void {
    this.#statements.clear()
    this.handle.close()
  }

  #statement(sql: string): SqliteStatement {
    let statement = this.#statements.get(sql)
    if (statement === undefined) {
      statement = this.handle.prepare(sql)
      this.#statements.set(sql, statement)
    }
    return statement
  }
}
