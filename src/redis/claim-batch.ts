import type { RedisArgument } from '../connections/redis/redis-client.ts'
import type { Claim } from '../core/delivery.ts'
import { compareEntries, placeOf, type ClaimPlace } from './claim-token.ts'
import type { RedisStore } from './redis-store.ts'

interface Stream {
  readonly queue: number
  readonly line: string
  min: string
  max: string
}

/**
 * Claims as scripts are told of them: queues and streams once, with the range in which the claims lie,
 * and for each claim only numbers. Queues are numbered from 1, as Lua counts.
 */
export class ClaimBatch {
  readonly #store: RedisStore
  readonly #queues: string[] = []
  readonly #streams: Stream[] = []
  readonly #streamNumbers = new Map<string, number>()

  constructor(store: RedisStore) {
    this.#store = store
  }

  /** The number of a queue. */
  queue(name: string): number {
    const known = this.#queues.indexOf(name) + 1
    return known > 0 ? known : this.#queues.push(name)
  }

  /** Adds a claim; the number of its stream, and its place there. */
  add(claim: Claim): ClaimPlace & { readonly stream: number } {
    const place = placeOf(claim)
    const { line, entry } = place
    const key = `${line}${claim.queue}`
    let number = this.#streamNumbers.get(key)
    if (number === undefined) {
      const stream = { queue: this.queue(claim.queue), line, min: entry, max: entry }
      number = this.#streams.push(stream)
      this.#streamNumbers.set(key, number)
    } else {
      const stream = this.#streams[number - 1]
      if (stream !== undefined && compareEntries(entry, stream.min) < 0) stream.min = entry
      if (stream !== undefined && compareEntries(entry, stream.max) > 0) stream.max = entry
    }
    return { ...place, stream: number }
  }

  /** The streams of the queues, for KEYS. */
  keys(): string[] {
    return this.#queues.map((name) => this.#store.keys.queue(name).stream)
  }

  /** Consumers, queues and streams, as the scripts read them. */
  head(): RedisArgument[] {
    const consumers = this.#store.consumers()
    return [
      consumers.length,
      ...consumers,
      ...this.queues(),
      this.#streams.length,
      ...this.#streams.flatMap(({ queue, line, min, max }) => [queue, line, min, max]),
    ]
  }

  /** The queues alone. */
  queues(): RedisArgument[] {
    return queueArguments(this.#store, this.#queues)
  }
}

/** Queues as the scripts read them: how many, then stream, side and name of each. */
export function queueArguments(store: RedisStore, queues: readonly string[]): RedisArgument[] {
  return [
    queues.length,
    ...queues.flatMap((name) => {
      const { stream, side } = store.keys.queue(name)
      return [stream, side, name]
    }),
  ]
}

/** Claims alone: queues, streams, then stream, entry, count and id of each. */
export function claimArguments(
  store: RedisStore,
  claims: readonly Claim[],
): { keys: string[]; args: RedisArgument[] } {
  const batch = new ClaimBatch(store)
  const rest = claims.flatMap((claim) => {
    const { stream, entry, count } = batch.add(claim)
    return [stream, entry, count, claim.id]
  })
  return { keys: batch.keys(), args: [...batch.head(), claims.length, ...rest] }
}
