import type { ResultBackendFactory } from '../core/vendor.ts'
import type { SqliteOptions } from './sqlite-options.ts'
import { SqliteResults } from './sqlite-result-backend.ts'
import { SqliteStore } from './sqlite-store.ts'
import { checkOptions } from './sqlite-transport.ts'

/**
 * Keeps results in a SQLite file, for a transport that keeps none or for a caller that only reads.
 * With {@link sqliteTransport} on the same file it is not needed: the transport brings its own.
 */
export function sqliteResultBackend(options: SqliteOptions): ResultBackendFactory {
  checkOptions(options)
  return {
    kind: 'results',
    name: 'sqlite',
    create: (around) => new SqliteResults(new SqliteStore(options, around)),
  }
}
