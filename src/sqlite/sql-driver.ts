import { StoreError } from '../core/errors.ts'

/** What a column may hold on its way in and out. */
export type SqlValue = string | number | bigint | Uint8Array | null

/**
 * A prepared statement, as `node:sqlite`, `@photostructure/sqlite` and `better-sqlite3` all have it.
 * `setReturnArrays` and `raw` are their two names for rows without column names.
 */
export interface SqliteStatement {
  run(...values: SqlValue[]): { readonly changes: number | bigint }
  get(...values: SqlValue[]): unknown
  all(...values: SqlValue[]): unknown[]
  setReturnArrays?(on: boolean): unknown
  raw?(on: boolean): unknown
}

/** An open database of one of the three libraries. `isTransaction` and `inTransaction` are their two names for one thing. */
export interface SqliteHandle {
  exec(sql: string): unknown
  prepare(sql: string): SqliteStatement
  close(): unknown
  readonly isTransaction?: boolean
  readonly inTransaction?: boolean
}

/** The class of a library whose instances are databases. */
export type SqliteDatabaseClass = new (file: string) => SqliteHandle

/**
 * A SQLite library, as its `import` gives it: the module `node:sqlite` or `@photostructure/sqlite`
 * (`{ DatabaseSync }`), or the class that `better-sqlite3` exports.
 */
export type SqliteDriver =
  | { readonly DatabaseSync: SqliteDatabaseClass }
  | { readonly default: SqliteDatabaseClass }
  | SqliteDatabaseClass

/** A loaded library. */
export interface SqliteLibrary {
  /** For messages. */
  readonly name: string
  readonly Database: SqliteDatabaseClass
}

/** The names that are tried when the user names no library, best first. */
const ownChoice = ['node:sqlite', '@photostructure/sqlite'] as const

/**
 * Loads the library: the one that was given or named, else `node:sqlite` where Node has it (22.13 and
 * later), else `@photostructure/sqlite`. Nothing is loaded before this call.
 *
 * @throws StoreError when there is none; the message says how to mend it.
 */
export async function loadLibrary(
  driver: SqliteDriver | string | undefined,
): Promise<SqliteLibrary> {
  if (typeof driver === 'string') return loadNamed(driver)
  if (driver !== undefined) return libraryOf(driver, undefined)
  const failures: string[] = []
  for (const name of ownChoice) {
    if (name === 'node:sqlite' && !nodeHasSqlite(process.versions.node)) continue
    try {
      return await loadNamed(name)
    } catch (error) {
      failures.push(error instanceof Error ? error.message : String(error))
    }
  }
  throw new StoreError(
    `no SQLite library could be loaded on Node ${process.versions.node} (${failures.join('; ')}). Run ` +
      '`npm install @photostructure/sqlite`, use Node 22.13 or later, or give your own library as `driver`.',
  )
}

/** Whether this Node offers `node:sqlite` without a flag. */
export function nodeHasSqlite(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major > 22 || (major === 22 && minor >= 13)
}

async function loadNamed(name: string): Promise<SqliteLibrary> {
  let loaded: unknown
  try {
    loaded = await import(/* @vite-ignore */ name)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message.split('\n')[0] : String(cause)
    throw new StoreError(`the SQLite library '${name}' could not be loaded: ${why}`, { cause })
  }
  return libraryOf(loaded, name)
}

function libraryOf(driver: unknown, name: string | undefined): SqliteLibrary {
  const Database =
    databaseClass(driver, 'DatabaseSync') ?? databaseClass(driver, 'default') ?? asClass(driver)
  if (Database === undefined) {
    throw new StoreError(
      `${name === undefined ? '`driver`' : `'${name}'`} is not a SQLite library: give the module of node:sqlite or ` +
        '@photostructure/sqlite (it has a class DatabaseSync), the class of better-sqlite3, or a name of one of them.',
    )
  }
  return { name: name ?? Database.name, Database }
}

function databaseClass(value: unknown, key: string): SqliteDatabaseClass | undefined {
  if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return undefined
  return asClass(Reflect.get(value, key))
}

function asClass(value: unknown): SqliteDatabaseClass | undefined {
  return typeof value === 'function' ? (value as SqliteDatabaseClass) : undefined
}

/**
 * Whether a transaction is open on this handle. Libraries that cannot say (Node before 22.16) are
 * asked by a BEGIN, which SQLite refuses inside a transaction and which is taken back otherwise.
 */
export function inTransaction(handle: SqliteHandle): boolean {
  const told = handle.isTransaction ?? handle.inTransaction
  if (told !== undefined) return told
  try {
    handle.exec('BEGIN')
  } catch {
    return true
  }
  handle.exec('ROLLBACK')
  return false
}
