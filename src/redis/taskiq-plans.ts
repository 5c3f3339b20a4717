/**
 * Plans in the layout of TaskIQ's `ListRedisScheduleSource`, so that programs in Python and TypeScript see each
 * other's: `<prefix>:data:<id>` holds a schedule, and lists hold ids: `<prefix>:cron`, `<prefix>:interval` and
 * `<prefix>:time:<minute in UTC>`.
 *
 * There is no way to ask what has changed, so all is read anew: once a second, or as much more seldom as it
 * takes longer. TaskIQ's own scheduler does so once a minute.
 */
import { fromTaskiq, toTaskiq } from '../codecs/taskiq-plan.ts'
import { readPlain, writePlain, type PlainFormatName } from '../codecs/plain-format.ts'
import { NotStartedError } from '../core/errors.ts'
import type { SchedulePlan } from '../core/schedule-plan.ts'
import type { PlanReading, ScheduleSource, SourceSurroundings } from '../core/schedule-source.ts'
import { pages } from './redis-ledger.ts'
import type { RedisStore } from './redis-store.ts'

/** How {@link TaskiqPlans} are kept. */
export interface TaskiqLayout {
  /** What its keys begin with. */
  readonly prefix: string
  /** How schedules are written; all of TaskIQ's are read. */
  readonly serializer: PlainFormatName
}

const page = 200
/** The share of the time that reading all may take. */
const share = 0.05

/** in: data, old list, new list · value, id. One step, so that no reader sees half of it. */
const putScript = `
-- A list is searched only for what may be in it: that takes as long as the list is.
if KEYS[2] ~= '' then
  redis.call('LREM', KEYS[2], 0, ARGV[2])
  if KEYS[3] ~= KEYS[2] then redis.call('LREM', KEYS[3], 0, ARGV[2]) end
end
redis.call('SET', KEYS[1], ARGV[1])
redis.call('RPUSH', KEYS[3], ARGV[2])
return 1
`
/** in: data, list · id. */
const removeScript = `
local had = redis.call('DEL', KEYS[1])
redis.call('LREM', KEYS[2], 0, ARGV[1])
return had
`

/** See the top of the file. */
export class TaskiqPlans implements ScheduleSource {
  readonly name = 'taskiq'
  readonly writable = true
  readonly #open: (around: SourceSurroundings) => RedisStore
  readonly #layout: TaskiqLayout
  #store: RedisStore | undefined
  #stamp = 0
  #readAt = -Infinity
  #rest = 0

  constructor(open: (around: SourceSurroundings) => RedisStore, layout: TaskiqLayout) {
    this.#open = open
    this.#layout = layout
  }

  get identity(): string {
    return `${this.#opened().connector.where}:${this.#layout.prefix}`
  }

  async start(around: SourceSurroundings): Promise<void> {
    this.#store ??= this.#open(around)
    await this.#store.open(this)
  }

  async stop(): Promise<void> {
    await this.#store?.close(this)
  }

  async read(since?: string): Promise<PlanReading> {
    const { clock } = this.#opened().around
    const begun = clock.monotonic()
    if (since === String(this.#stamp) && begun - this.#readAt < this.#rest) {
      return { stamp: since, whole: false, plans: [], removed: [] }
    }
    const ids = await this.#ids()
    const plans: SchedulePlan[] = []
    const unreadable: { id: string; why: string }[] = []
    for (const some of pages(ids, page)) {
      const keys = some.map((id) => this.#key('data', id))
      const found = (await this.#opened().commands.callBytes('MGET', keys)) as (Buffer | null)[]
      for (const [i, id] of some.entries()) {
        const bytes = found[i]
        // In a list, and deleted: TaskIQ takes it for nothing as well.
        if (bytes === undefined || bytes === null) continue
        try {
          plans.push({ ...fromTaskiq(readPlain(bytes)), id })
        } catch (error) {
          unreadable.push({ id, why: (error as Error).message })
        }
      }
    }
    this.#readAt = clock.monotonic()
    this.#rest = (this.#readAt - begun) / share
    return { stamp: String(++this.#stamp), whole: true, plans, removed: [], unreadable }
  }

  async put(plans: readonly SchedulePlan[]): Promise<void> {
    // All are checked before the first is written; of two of one id the last one counts.
    const rows = [...new Map(plans.map((plan) => [plan.id, plan])).values()].map((plan) => ({
      plan,
      value: Buffer.from(writePlain(toTaskiq(plan), this.#layout.serializer)),
    }))
    for (const some of pages(rows, page)) {
      const known = await this.#listsOf(some.map(({ plan }) => plan.id))
      await Promise.all(
        some.map(({ plan, value }, i) =>
          this.#opened().commands.call('EVAL', [
            putScript,
            3,
            this.#key('data', plan.id),
            known[i] ?? '',
            this.#listFor(plan),
            value,
            plan.id,
          ]),
        ),
      )
    }
    this.#readAt = -Infinity
  }

  async remove(ids: readonly string[]): Promise<readonly string[]> {
    const removed: string[] = []
    for (const some of pages(ids, page)) {
      const known = await this.#listsOf(some)
      const had = await Promise.all(
        some.map(async (id, i) => {
          const list = known[i]
          if (list === undefined) return 0
          const keys = [this.#key('data', id), list]
          return this.#opened().commands.call('EVAL', [removeScript, 2, ...keys, id])
        }),
      )
      removed.push(...some.filter((_, i) => had[i] === 1))
    }
    this.#readAt = -Infinity
    return removed
  }

  /** The lists that hold stored plans, in order; `undefined` where there is none. */
  async #listsOf(ids: readonly string[]): Promise<(string | undefined)[]> {
    const keys = ids.map((id) => this.#key('data', id))
    const found = (await this.#opened().commands.callBytes('MGET', keys)) as (Buffer | null)[]
    return found.map((bytes) => {
      if (bytes === null) return undefined
      try {
        return this.#listFor(fromTaskiq(readPlain(bytes)))
      } catch {
        // Nobody can read it, so nobody knows its list: it is in one of these, or found by nobody.
        return this.#key('cron')
      }
    })
  }

  #listFor({ cron, at }: SchedulePlan): string {
    if (cron !== undefined) return this.#key('cron')
    if (at === undefined) return this.#key('interval')
    return this.#key('time', new Date(at).toISOString().slice(0, 16))
  }

  async #ids(): Promise<string[]> {
    const { commands } = this.#opened()
    const lists = [this.#key('cron'), this.#key('interval')]
    let cursor = '0'
    do {
      const match = [cursor, 'MATCH', this.#key('time', '*'), 'COUNT', 1000]
      const [next, keys] = (await commands.call('SCAN', match)) as [string, string[]]
      cursor = next
      lists.push(...keys)
    } while (cursor !== '0')
    const ids = new Set<string>()
    for (const list of lists) {
      const found = (await commands.call('LRANGE', [list, 0, -1])) as string[]
      for (const id of found) ids.add(id)
    }
    return [...ids]
  }

  #key(...parts: string[]): string {
    return [this.#layout.prefix, ...parts].join(':')
  }

  #opened(): RedisStore {
    if (this.#store !== undefined) return this.#store
    throw new NotStartedError('the TaskIQ schedule source is not started: await source.start(…).')
  }
}
