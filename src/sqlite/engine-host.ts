import { systemClock } from '../core/clock.ts'
import { systemRandom } from '../core/random.ts'
import { runBatch } from './engine-runner.ts'
import type { Operation } from './operations.ts'
import { SqliteEngine, type EngineOptions, type Transacted } from './sqlite-engine.ts'

/** Milliseconds for which a batch asks for the write lock before it fails. */
export const lockPatience = 30_000

/** Where the database is: on this thread or on one of its own. */
export interface EngineHost {
  /** Opens the database. @throws StoreError */
  open(): Promise<void>
  /** Does operations at the caller's time `now`. Never rejects: each operation has its reply. */
  run(operations: readonly Operation[], now: number): Promise<Transacted>
  /** Changes whenever another connection has written. */
  dataVersion(): Promise<number>
  /** Closes the database when what is under way has ended. */
  close(): Promise<void>
}

/** The database on the calling thread. */
export class LocalHost implements EngineHost {
  readonly #options: EngineOptions
  #engine: SqliteEngine | undefined

  constructor(options: EngineOptions) {
    this.#options = options
  }

  async open(): Promise<void> {
    this.#engine = new SqliteEngine(this.#options)
  }

  run(operations: readonly Operation[], now: number): Promise<Transacted> {
    const runner = { clock: systemClock, random: systemRandom, patience: lockPatience }
    return runBatch(this.#opened(), { operations, now }, runner)
  }

  async dataVersion(): Promise<number> {
    return this.#opened().dataVersion()
  }

  async close(): Promise<void> {
    this.#engine?.close()
    this.#engine = undefined
  }

  #opened(): SqliteEngine {
    if (this.#engine === undefined) throw new Error('the database is not open')
    return this.#engine
  }
}
