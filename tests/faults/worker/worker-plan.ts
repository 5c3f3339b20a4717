import type { WorkerOptions } from 'taskwright'
import type { SqliteOptions } from 'taskwright/sqlite'

/** A file. */
export interface SqlitePlan {
  readonly kind: 'sqlite'
  readonly options: Omit<SqliteOptions, 'driver'>
  /** Another file for the results: outcome and result are then two steps. */
  readonly resultsFile?: string | undefined
}

/** A server. */
export interface RedisPlan {
  readonly kind: 'redis'
  readonly url: string
  /** Results in a store of their own. */
  readonly splitResults: boolean
  /** How many replicas it waits for. */
  readonly wait?: number | undefined
}

/** A transport as plain data, so that it travels to another process. */
export type TransportPlan = SqlitePlan | RedisPlan

/** The file of a plan. @throws Error where there is none. */
export function fileOf(plan: TransportPlan): string {
  if (plan.kind === 'sqlite') return plan.options.file
  throw new Error(`there is no file under ${plan.kind}`)
}

/** How members of a set are counted before their callback is sent. A counter counts twice who runs twice. */
export type JoinKind = 'set' | 'counter'

/** A part of the protocol that is switched off: a negative control, which the checker must turn red. */
export type Variant = 'no-renewal' | 'no-fence' | 'no-reclaim'

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
