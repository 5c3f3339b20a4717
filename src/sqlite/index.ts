/**
 * The SQLite engine: `sqliteTransport`, `sqliteResultBackend`. Importing it loads no SQLite library.
 *
 * @module
 */
export { sqliteTransport } from './sqlite-transport.ts'
export { sqliteScheduleSource } from './sqlite-schedule-source.ts'
export { sqliteResultBackend } from './sqlite-result-factory.ts'
export type { SqliteOptions } from './sqlite-options.ts'
export type {
  SqliteDatabaseClass,
  SqliteDriver,
  SqliteHandle,
  SqliteStatement,
  SqlValue,
} from './sql-driver.ts'
