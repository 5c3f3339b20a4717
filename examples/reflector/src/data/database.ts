import { resolve } from 'node:path'
import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import { sqliteDialect } from './sqlite-dialect.ts'
import type { Tables } from './tables.ts'

/** Opens `sqlite:<file>` or `postgres://…`. */
export function openDatabase(url: string): Kysely<Tables> {
  if (url.startsWith('sqlite:'))
    return new Kysely({ dialect: sqliteDialect(resolve(url.slice('sqlite:'.length))) })
  if (!/^postgres(ql)?:/.test(url))
    throw new Error(`DATABASE_URL is 'sqlite:<file>' or 'postgres://…', not '${url.slice(0, 40)}'`)
  // Counters come as text from PostgreSQL, unless it is told otherwise; ours fit into a number.
  pg.types.setTypeParser(pg.types.builtins.INT8, Number)
  return new Kysely({
    dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString: url }) }),
  })
}
