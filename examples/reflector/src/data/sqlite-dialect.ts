import { createRequire } from 'node:module'
import {
  CompiledQuery,
  SqliteDialect,
  SqliteDriver,
  type DatabaseConnection,
  type Driver,
  type SqliteDatabase,
  type SqliteDialectConfig,
} from 'kysely'

/** What `node:sqlite` and `@photostructure/sqlite` have in common. */
interface SyncDatabase {
  prepare(sql: string): {
    columns(): readonly unknown[]
    all(...values: unknown[]): unknown[]
    run(...values: unknown[]): { changes: number | bigint; lastInsertRowid: number | bigint }
    iterate(...values: unknown[]): IterableIterator<unknown>
  }
  exec(sql: string): void
  close(): void
}

/** SQLite by the library that Taskwright uses too. */
export function sqliteDialect(file: string): SqliteDialect {
  const { DatabaseSync } = createRequire(import.meta.url)('@photostructure/sqlite') as {
    DatabaseSync: new (file: string) => SyncDatabase
  }
  const database = new DatabaseSync(file)
  database.exec('PRAGMA journal_mode = WAL; PRAGMA busy_timeout = 15000; PRAGMA foreign_keys = ON')
  return new ImmediateDialect({ database: adapted(database) })
}

/** Kysely asks for better-sqlite3's manners. */
function adapted(database: SyncDatabase): SqliteDatabase {
  return {
    close: () => database.close(),
    prepare(sql) {
      const statement = database.prepare(sql)
      return {
        reader: statement.columns().length > 0,
        all: (values) => statement.all(...values),
        run: (values) => statement.run(...values),
        iterate: (values) => statement.iterate(...values),
      }
    },
  }
}

class ImmediateDialect extends SqliteDialect {
  readonly #config: SqliteDialectConfig

  constructor(config: SqliteDialectConfig) {
    super(config)
    this.#config = config
  }

  override createDriver(): Driver {
    return new ImmediateDriver(this.#config)
  }
}

/**
 * A transaction that begins by reading and writes later fails at once when another process has written
 * in between. So every transaction says at its beginning that it will write, and waits its turn.
 */
class ImmediateDriver extends SqliteDriver {
  override async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('begin immediate'))
  }
}
