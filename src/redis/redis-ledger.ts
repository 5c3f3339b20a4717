import type { RedisArgument } from '../connections/redis/redis-client.ts'
import type {
  Adoption,
  Fire,
  FireAnswer,
  FireLedger,
  FireState,
  Leadership,
} from '../core/fire-ledger.ts'
import type { StoreIdentity } from '../core/store.ts'
import { ClaimBatch } from './claim-batch.ts'
import type { RedisStore } from './redis-store.ts'
import { checkEnvelope, messageArguments, uniqueArguments, wholeMs } from './send.ts'
import {
  adoptScript,
  fireScript,
  forgetScript,
  leadScript,
  pauseScript,
} from './scripts/fire-scripts.ts'

/** How long a plan that is gone, or a leader that is, is remembered. */
const remembered = 86_400_000
/** The most plans or fires of one script, and about the most bytes of messages: none holds Redis up for long. */
const page = { plans: 100, fires: 25, bytes: 262_144 }

/** The ledger of a store that its transport has opened. Its clock is that of Redis. */
export class RedisLedger implements FireLedger {
  readonly #store: RedisStore

  constructor(store: RedisStore) {
    this.#store = store
  }

  get store(): StoreIdentity {
    return this.#store.identity
  }

  async now(): Promise<number> {
    const [seconds, micros] = (await this.#store.commands.call('TIME', [])) as [string, string]
    return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000)
  }

  async adopt(plans: readonly Adoption[]): Promise<readonly FireState[]> {
    const states: FireState[] = []
    for (const some of pages(plans, page.plans)) {
      const args = some.flatMap(({ id, print, mark, anchor }) => [
        id,
        print,
        wholeMs(mark),
        wholeMs(anchor),
      ])
      const texts = (await this.#store.run(
        adoptScript,
        [this.#key],
        [some.length, ...args],
      )) as string[]
      states.push(...texts.map(stateOf))
    }
    return states
  }

  async states(ids: readonly string[]): Promise<readonly (FireState | null)[]> {
    const states: (FireState | null)[] = []
    for (const some of pages(ids, page.plans)) {
      const texts = await this.#store.commands.call('HMGET', [this.#key, ...some])
      states.push(
        ...(texts as (string | null)[]).map((text) => (text === null ? null : stateOf(text))),
      )
    }
    return states
  }

  async fire(fires: readonly Fire[]): Promise<readonly FireAnswer[]> {
    for (const { envelope } of fires) if (envelope !== null) checkEnvelope(envelope)
    const answers: FireAnswer[] = []
    const size = ({ envelope }: Fire): number => envelope?.body.length ?? 0
    for (const some of boundedPages(fires, { most: page.fires, bytes: page.bytes, size })) {
      answers.push(...(await this.#fire(some)))
    }
    return answers
  }

  async pause(ids: readonly string[], paused: boolean): Promise<readonly string[]> {
    if (ids.length === 0) return []
    const args = [paused ? 1 : 0, ids.length, ...ids]
    return (await this.#store.run(pauseScript, [this.#key], args)) as string[]
  }

  async forget(ids: readonly string[]): Promise<void> {
    for (const some of pages(ids, page.plans)) {
      await this.#store.run(forgetScript, [this.#key], [remembered, some.length, ...some])
    }
  }

  async lead(bid: {
    group: string
    holder: string
    lease: number
    report: string
  }): Promise<Leadership> {
    const { group, holder, lease, report } = bid
    const args = [group, holder.replaceAll('|', '_'), wholeMs(lease), report]
    const [who = '', until, told = ''] = (await this.#store.run(
      leadScript,
      [this.#leadKey],
      args,
    )) as string[]
    return { group, holder: who, until: Number(until), report: told }
  }

  async resign(group: string, holder: string): Promise<void> {
    await this.#store.run(leadScript, [this.#leadKey], [group, holder, '', ''])
  }

  async leaders(): Promise<readonly Leadership[]> {
    const all = (await this.#store.commands.call('HGETALL', [this.#leadKey])) as string[]
    const now = await this.now()
    const leaders: Leadership[] = []
    for (let i = 0; i + 1 < all.length; i += 2) {
      const [, until = '0', holder = '', report = ''] =
        /^(\d+)\|([^|]*)\|(.*)$/s.exec(all[i + 1] ?? '') ?? []
      const group = all[i] ?? ''
      if (Number(until) > now - remembered) {
        leaders.push({ group, holder, until: Number(until), report })
      } else await this.#store.commands.call('HDEL', [this.#leadKey, group])
    }
    return leaders
  }

  async #fire(fires: readonly Fire[]): Promise<readonly FireAnswer[]> {
    const queues = new Set(fires.flatMap(({ envelope }) => envelope?.queue ?? []))
    for (const queue of queues) await this.#store.ensureGroup(queue)
    const batch = new ClaimBatch(this.#store)
    const args = fires.flatMap((fire): RedisArgument[] => {
      const { id, slot, missed, limit, overlap, release, envelope } = fire
      return [
        id,
        wholeMs(slot),
        missed,
        limit ?? '',
        overlap === undefined ? '' : overlap === 'skip' ? 's' : 'q',
        release === true ? 'r' : '',
        // A slot's id follows from it: another scheduler may have stored it.
        ...(envelope === null
          ? [0]
          : [
              ...messageArguments(batch, { ...envelope, fresh: false }),
              ...uniqueArguments(envelope),
            ]),
      ]
    })
    const keys = [this.#key, ...batch.keys()]
    return (await this.#store.commit(fireScript, keys, [
      ...batch.queues(),
      fires.length,
      ...args,
    ])) as FireAnswer[]
  }

  get #key(): string {
    return `${this.#store.keys.app}sched`
  }

  get #leadKey(): string {
    return `${this.#key}:lead`
  }
}

function stateOf(text: string): FireState {
  const [, mark, anchor, last, waiting, fired, missed, skipped, paused, lag, , message] =
    text.split('|')
  const orNull = (value: string | undefined): number | null =>
    value === undefined || value === '' ? null : Number(value)
  return {
    mark: Number(mark),
    anchor: Number(anchor),
    last: orNull(last),
    message: message === undefined || message === '' ? null : message,
    waiting: orNull(waiting),
    fired: Number(fired),
    missed: Number(missed),
    skipped: Number(skipped),
    paused: paused === '1',
    lag: Number(lag),
  }
}

/** A list in pieces. */
export function* pages<T>(all: readonly T[], size: number): Generator<readonly T[]> {
  for (let i = 0; i < all.length; i += size) yield all.slice(i, i + size)
}

/** A list in pieces that are bounded by their sizes, too; what is larger by itself is a piece of its own. */
export function* boundedPages<T>(
  all: readonly T[],
  { most, bytes, size }: { most: number; bytes: number; size: (item: T) => number },
): Generator<readonly T[]> {
  let some: T[] = []
  let total = 0
  for (const item of all) {
    const own = size(item)
    if (some.length > 0 && (some.length === most || total + own > bytes)) {
      yield some
      some = []
      total = 0
    }
    some.push(item)
    total += own
  }
  if (some.length > 0) yield some
}
