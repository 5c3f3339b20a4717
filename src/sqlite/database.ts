import { realpathSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { StoreError } from '../core/errors.ts'
import type { Random } from '../core/random.ts'
import { Connection } from './connection.ts'
import { damagedMessage, describeFailure, failureError } from './failure.ts'
import { prepareFile } from './file-guards.ts'
import { checkOwner, initialise, migrate, pragma } from './schema.ts'
import type { SqliteLibrary } from './sql-driver.ts'

/** How a database is opened. */
export interface DatabaseOptions {
  readonly file: string
  readonly library: SqliteLibrary
  readonly synchronous: 'normal' | 'full'
  readonly random: Random
}

/** Milliseconds that SQLite itself waits for a lock; longer waits are ours, see engine-runner.ts. */
export const busyTimeout = 20
/** Pages of log after which it is folded into the file: 4000 would be 6 % faster and stall for 18 ms. */
export const checkpointPages = 1000
/** The largest file that is checked page by page at the start (1.4 ms a megabyte). */
const checkedSize = 200 * 1024 * 1024

/**
 * Opens a database that has passed all guards: a file of ours, of a version that we know, undamaged
 * as far as a quick check sees. It is made where there is none.
 *
 * @throws StoreError in words that say what is wrong with the file and what to do.
 */
export function openDatabase(options: DatabaseOptions): Connection {
  const { file, library, synchronous, random } = options
  try {
    prepareFile(file, random, (temporary) => {
      const fresh = new Connection(new library.Database(temporary))
      try {
        initialise(fresh, file)
      } finally {
        fresh.close()
      }
    })
    const sql = new Connection(new library.Database(file))
    try {
      // Another process may be opening it too, and the switch to WAL needs the file for itself.
      sql.exec('PRAGMA busy_timeout = 5000')
      checkOwner(sql, file)
      migrate(sql, file)
      configure(sql, synchronous)
      quickCheck(sql, file)
      return sql
    } catch (error) {
      sql.close()
      throw error
    }
  } catch (error) {
    throw error instanceof StoreError ? error : failureError(describeFailure(error, file))
  }
}

/** The settings of a connection. The libraries differ in their defaults, so everything is set. */
function configure(sql: Connection, synchronous: 'normal' | 'full'): void {
  sql.exec(`PRAGMA journal_mode = WAL;
    PRAGMA synchronous = ${synchronous};
    PRAGMA cache_size = -16000;
    PRAGMA wal_autocheckpoint = ${checkpointPages};
    PRAGMA journal_size_limit = 67108864;
    PRAGMA busy_timeout = ${busyTimeout}`)
}

function quickCheck(sql: Connection, file: string): void {
  if (pragma(sql, 'page_count') * pragma(sql, 'page_size') > checkedSize) return
  const found = sql.all<Record<string, string>>('PRAGMA quick_check(1)')
  const told = found[0] === undefined ? 'ok' : Object.values(found[0])[0]
  if (told !== 'ok') throw new StoreError(damagedMessage(file, String(told)))
}

/** The one path of a file, links followed, which stays the same when the working folder changes. */
export function absoluteFile(file: string): string {
  for (const attempt of [
    () => realpathSync(file),
    () => join(realpathSync(dirname(file)), basename(file)),
  ]) {
    try {
      return attempt()
    } catch {
      // The file, or its folder, is not there.
    }
  }
  return resolve(file)
}
