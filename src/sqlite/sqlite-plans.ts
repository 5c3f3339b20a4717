import { decodePlans, encodePlan } from '../codecs/plan-data.ts'
import { NotStartedError } from '../core/errors.ts'
import type { SchedulePlan } from '../core/schedule-plan.ts'
import type { PlanReading, ScheduleSource, SourceSurroundings } from '../core/schedule-source.ts'
import type { SqliteStore } from './sqlite-store.ts'

/** The plans of a store. */
export class SqliteScheduleSource implements ScheduleSource {
  readonly name = 'sqlite'
  readonly writable = true
  readonly #open: (around: SourceSurroundings) => SqliteStore
  #store: SqliteStore | undefined

  constructor(open: (around: SourceSurroundings) => SqliteStore) {
    this.#open = open
  }

  get identity(): string {
    return this.#opened().identity
  }

  async start(around: SourceSurroundings): Promise<void> {
    this.#store ??= this.#open(around)
    await this.#store.open(this)
  }

  async stop(): Promise<void> {
    await this.#store?.close(this)
  }

  async read(since?: string): Promise<PlanReading> {
    const from = since !== undefined && /^\d{1,15}$/.test(since) ? Number(since) : null
    const { stamp, whole, rows } = await this.#opened().call('readPlans', from)
    const removed = rows.flatMap(({ id, data }) => (data === null ? [id] : []))
    const kept = rows.flatMap(({ id, data }) => (data === null ? [] : [[id, data] as const]))
    return { stamp: String(stamp), whole, removed, ...decodePlans(kept) }
  }

  async put(plans: readonly SchedulePlan[]): Promise<void> {
    const rows = plans.map((plan) => ({ id: plan.id, data: encodePlan(plan) }))
    if (rows.length > 0) await this.#opened().call('putPlans', rows)
  }

  async remove(ids: readonly string[]): Promise<readonly string[]> {
    return ids.length === 0 ? [] : this.#opened().call('removePlans', ids)
  }

  #opened(): SqliteStore {
    if (this.#store !== undefined) return this.#store
    throw new NotStartedError('the SQLite schedule source is not started: await source.start(…).')
  }
}
