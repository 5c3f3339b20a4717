import { decodePlans, encodePlan } from '../codecs/plan-data.ts'
import { NotStartedError } from '../core/errors.ts'
import type { SchedulePlan } from '../core/schedule-plan.ts'
import type { PlanReading, ScheduleSource, SourceSurroundings } from '../core/schedule-source.ts'
import type { PlanAsk, PlanPage, PlanRow } from './plan-rows.ts'
import type { SqliteStore } from './sqlite-store.ts'

/** Plans of one step of the database: others are not held up for long. */
const page = 2000

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
    const first = await this.#page({ since: from, from: null })
    // A plan that changes meanwhile comes again, and the last one counts.
    const rows = new Map(rowsOf(first))
    for (let { more } = first; more !== null;) {
      // What was removed since a stamp may be forgotten between two pages: then all is read anew.
      const next = await this.#page({ since: first.whole ? null : from, from: more })
      if (next.whole !== first.whole) return this.read()
      for (const [id, data] of rowsOf(next)) rows.set(id, data)
      more = next.more
    }
    const { stamp, whole } = first
    const removed = [...rows].flatMap(([id, data]) => (data === null ? [id] : []))
    const kept = [...rows].flatMap(([id, data]) => (data === null ? [] : [[id, data] as const]))
    return { stamp: String(stamp), whole, removed, ...decodePlans(kept) }
  }

  #page(ask: Omit<PlanAsk, 'limit'>): Promise<PlanPage> {
    return this.#opened().call('readPlans', { ...ask, limit: page })
  }

  async put(plans: readonly SchedulePlan[]): Promise<void> {
    const rows = plans.map((plan): PlanRow => [plan.id, encodePlan(plan)])
    if (rows.length > 0) await this.#opened().call('putPlans', JSON.stringify(rows))
  }

  async remove(ids: readonly string[]): Promise<readonly string[]> {
    return ids.length === 0 ? [] : this.#opened().call('removePlans', ids)
  }

  #opened(): SqliteStore {
    if (this.#store !== undefined) return this.#store
    throw new NotStartedError('the SQLite schedule source is not started: await source.start(…).')
  }
}

function rowsOf({ rows }: PlanPage): readonly PlanRow[] {
  return JSON.parse(rows) as readonly PlanRow[]
}
