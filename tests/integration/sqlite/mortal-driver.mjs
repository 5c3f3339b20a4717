/** The SQLite library of this Node, but a statement that is given the text 'die' ends its thread. */
import { isMainThread } from 'node:worker_threads'

const own = process.getBuiltinModule?.('node:sqlite') ?? (await import('@photostructure/sqlite'))

export class DatabaseSync extends own.DatabaseSync {
  prepare(sql) {
    const statement = super.prepare(sql)
    return {
      run(...values) {
        if (values.includes('die') && !isMainThread) process.exit(7)
        return statement.run(...values)
      },
      get: (...values) => statement.get(...values),
      all: (...values) => statement.all(...values),
    }
  }
}
