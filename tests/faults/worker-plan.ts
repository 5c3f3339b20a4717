import type { WorkerOptions } from 'taskwright'
import type { SqliteOptions } from 'taskwright/sqlite'

/** What a worker process is told. Plain data: it travels as an argument. */
export interface WorkerPlan {
  /** The folder of the ledger. */
  readonly ledger: string
  readonly sqlite: Omit<SqliteOptions, 'driver'>
  readonly worker: WorkerOptions
}
