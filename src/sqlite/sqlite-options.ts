import type { SqliteDriver } from './sql-driver.ts'

/** Options of the SQLite transport and result backend. */
export interface SqliteOptions {
  /** The database file, made where there is none (its folder must exist). */
  readonly file: string
  /**
   * What survives: `'normal'` (default) every stored message after the death of processes, but perhaps
   * not the last ones after a power loss; `'full'` those too, at about a quarter of the single sends.
   */
  readonly synchronous?: 'normal' | 'full' | undefined
  /**
   * The SQLite library: a module (`await import('node:sqlite')`), the class of better-sqlite3, or the
   * name of a module. Default: `node:sqlite` where Node has it (22.13), else `@photostructure/sqlite`.
   * Give your own where you open the same file yourself: two libraries on one file in one process lose
   * each other's locks.
   */
  readonly driver?: SqliteDriver | string | undefined
  /**
   * Whether the database runs in a thread of its own. Default `'auto'`: with two or more cores, unless
   * `driver` is an object (which no other thread can use).
   */
  readonly thread?: 'auto' | boolean | undefined
  /** Whether this process moves what is due and takes back ended leases. Default true; a switch for tests of faults. */
  readonly maintenance?: boolean | undefined
}
