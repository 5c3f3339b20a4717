import { rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { createBroker } from 'taskwright'
import { sqliteTransport } from 'taskwright/sqlite'
import type { BenchEngine } from '../engine.ts'

let made = 0

/** SQLite, with the engine's default durability. */
export const sqlite: BenchEngine = sqliteEngine('sqlite', 'normal')
/** SQLite that syncs each commit to the disk. */
export const sqliteFull: BenchEngine = sqliteEngine('sqlite-full', 'full')

function sqliteEngine(name: string, synchronous: 'normal' | 'full'): BenchEngine {
  return {
    name,
    settings: `WAL, synchronous=${synchronous.toUpperCase()}, database in a thread where there are 2 cores`,
    limit: "the engine's own claim and settle statements on the main thread, lines of 100 at once",
    shared: true,
    version,
    make: async (folder) => join(folder, `${name}-${process.pid}-${++made}.db`),
    async remove(file) {
      for (const suffix of ['', '-wal', '-shm', '-ballast', '-bell']) {
        rmSync(file + suffix, { force: true, recursive: true })
      }
    },
    storedBytes: async (file) => statSync(file).size,
    broker: (file, { results }) =>
      createBroker({
        transport: sqliteTransport({ file, synchronous }),
        resultExpiresIn: results ? '24h' : false,
      }),
    // Loaded when it is asked for: another checkout may have other insides.
    raw: async (file, use) =>
      (await import('../raw/sqlite-raw.ts')).sqliteRaw(file, { ...use, synchronous, lines: true }),
  }
}

async function version(): Promise<string> {
  const { loadLibrary } = await import('../../../dist/sqlite/sql-driver.js')
  const { name, Database } = await loadLibrary(undefined)
  const handle = new Database(':memory:')
  const row = handle.prepare('SELECT sqlite_version() AS version').get() as { version: string }
  handle.close()
  return `SQLite ${row.version} by ${name}`
}
