import { decodePlans, encodePlan } from '../codecs/plan-data.ts'
import { NotStartedError } from '../core/errors.ts'
import type { SchedulePlan } from '../core/schedule-plan.ts'
import type { PlanReading, ScheduleSource, SourceSurroundings } from '../core/schedule-source.ts'
import { boundedPages, pages } from './redis-ledger.ts'
import type { RedisStore } from './redis-store.ts'
import { putPlansScript, removePlansScript } from './scripts/fire-scripts.ts'

/** Plans of one script, and of one reply. */
const page = { put: 50, read: 500, bytes: 262_144 }
/** Removed plans that are remembered, for readers who ask what has changed; beyond it they read anew. */
const mostRemoved = 10_000

/** The plans of a store, in keys of its own; see `putPlansScript`. */
export class RedisPlans implements ScheduleSource {
  readonly name = 'redis'
  readonly writable = true
  readonly #open: (around: SourceSurroundings) => RedisStore
  #store: RedisStore | undefined

  constructor(open: (around: SourceSurroundings) => RedisStore) {
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
    const [change, floor] = (await this.#call('MGET', 'change', 'floor')) as (string | null)[]
    const stamp = change ?? '0'
    const from = since !== undefined && /^\d{1,15}$/.test(since) ? Number(since) : Number.NaN
    // What is put while this reads is read again by the next one.
    const reading = { stamp, plans: [], removed: [], unreadable: [] }
    if (!(from >= Number(floor ?? 0) && from <= Number(stamp))) {
      return { ...reading, whole: true, ...(await this.#all()) }
    }
    if (from === Number(stamp)) return { ...reading, whole: false }
    const range = [`(${from}`, '+inf'] as const
    const ids = (await this.#call('ZRANGEBYSCORE', 'put', ...range)) as string[]
    const removed = (await this.#call('ZRANGEBYSCORE', 'gone', ...range)) as string[]
    const rows: [string, string][] = []
    for (const some of pages(ids, page.read)) {
      const texts = (await this.#call('HMGET', '', ...some)) as (string | null)[]
      for (const [i, id] of some.entries()) {
        const text = texts[i]
        // One that is gone meanwhile has changed again.
        if (text !== undefined && text !== null) rows.push([id, text])
      }
    }
    return { ...reading, whole: false, removed, ...decodePlans(rows) }
  }

  async put(plans: readonly SchedulePlan[]): Promise<void> {
    const rows = plans.map((plan) => [plan.id, encodePlan(plan)] as const)
    const size = ([, text]: readonly [string, string]): number => text.length
    for (const some of boundedPages(rows, { most: page.put, bytes: page.bytes, size })) {
      const args = [some.length, ...some.flat()]
      await this.#opened().run(putPlansScript, [this.#key('')], args)
    }
  }

  async remove(ids: readonly string[]): Promise<readonly string[]> {
    const removed: string[] = []
    for (const some of pages(ids, page.put)) {
      const args = [mostRemoved, some.length, ...some]
      removed.push(
        ...((await this.#opened().run(removePlansScript, [this.#key('')], args)) as string[]),
      )
    }
    return removed
  }

  async #all(): Promise<Pick<PlanReading, 'plans' | 'unreadable'>> {
    const rows = new Map<string, string>()
    let cursor = '0'
    do {
      const [next, found] = (await this.#call('HSCAN', '', cursor, 'COUNT', page.read)) as [
        string,
        string[],
      ]
      cursor = next
      for (let i = 0; i + 1 < found.length; i += 2) rows.set(found[i] ?? '', found[i + 1] ?? '')
    } while (cursor !== '0')
    return decodePlans(rows)
  }

  /** A command on one of the keys, or `MGET` of several. */
  #call(command: string, key: string, ...args: (string | number)[]): Promise<unknown> {
    const rest = command === 'MGET' ? args.map((name) => this.#key(String(name))) : args
    return this.#opened().commands.call(command, [this.#key(key), ...rest])
  }

  #key(name: string): string {
    return `${this.#opened().keys.app}plans${name === '' ? '' : `:${name}`}`
  }

  #opened(): RedisStore {
    if (this.#store !== undefined) return this.#store
    throw new NotStartedError('the Redis schedule source is not started: await source.start(…).')
  }
}
