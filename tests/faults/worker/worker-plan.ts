import type { WorkerOptions } from 'taskwright'
import type { SqliteOptions } from 'taskwright/sqlite'

/** A transport as plain data, so that it travels to another process. */
export interface TransportPlan {
  readonly kind: 'sqlite'
  readonly options: Omit<SqliteOptions, 'driver'>
  /** Another file for the results: outcome and result are then two steps. */
  readonly resultsFile?: string | undefined
}

/** How members of a set are counted before their callback is sent. A counter counts twice who runs twice. */
export type JoinKind = 'set' | 'counter'

/** A part of the protocol that is switched off: a negative control, which the checker must turn red. */
export type Variant = 'no-renewal' | 'no-fence'

/** What a worker process is told. Plain data: it travels as an argument. */
export interface WorkerPlan {
  /** The folder of the ledger, and of the sets. */
  readonly ledger: string
  readonly transport: TransportPlan
  readonly worker: WorkerOptions
  readonly join?: JoinKind | undefined
  readonly variant?: Variant | undefined
  /** Milliseconds between two samples of what it uses (needs `--expose-gc`). */
  readonly sampleEvery?: number | undefined
}

/** What the leak process is told. */
export interface LeakPlan {
  readonly ledger: string
  readonly transport: TransportPlan
  /** How often the store is opened and closed. */
  readonly reopens: number
  /** How many waits for a result are given up. */
  readonly waits: number
}
