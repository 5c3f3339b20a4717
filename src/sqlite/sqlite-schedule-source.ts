import type { ScheduleSource } from '../core/schedule-source.ts'
import type { SqliteOptions } from './sqlite-options.ts'
import { SqliteScheduleSource } from './sqlite-plans.ts'
import { SqliteStore } from './sqlite-store.ts'
import { checkOptions } from './sqlite-transport.ts'

/**
 * Keeps plans in a SQLite file. For plans in the broker's own file use `storeSource(broker)`, which shares its
 * connection.
 */
export function sqliteScheduleSource(options: SqliteOptions): ScheduleSource {
  checkOptions(options)
  return new SqliteScheduleSource((around) => new SqliteStore(options, around))
}
