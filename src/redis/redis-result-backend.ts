import { ResultWaiters } from '../coalescing/result-waiters.ts'
import { checkPlace } from '../connections/redis/redis-place.ts'
import type { Claim } from '../core/delivery.ts'
import { NotStartedError } from '../core/errors.ts'
import type { Body } from '../core/message.ts'
import type { ResultBackend } from '../core/result-backend.ts'
import type { StoredResult } from '../core/result.ts'
import type { StoreIdentity } from '../core/store.ts'
import type { ResultBackendFactory } from '../core/vendor.ts'
import { queueArguments } from './claim-batch.ts'
import { placeOf } from './claim-token.ts'
import type { RedisOptions } from './redis-options.ts'
import { RedisStore } from './redis-store.ts'
import { waitNoted } from './expected-waits.ts'
import { awaitScript, progressScript, saveScript } from './scripts/result-scripts.ts'
import { life } from './settle-answer.ts'
import { fromWire, isDoubtful, toWire } from './wire-body.ts'

/**
 * Keeps results in Redis under the keys that TaskIQ uses, for brokers whose messages are elsewhere.
 * @throws InvalidInputError for options that are wrong.
 */
export function redisResultBackend(options: RedisOptions): ResultBackendFactory {
  checkPlace(options)
  return {
    kind: 'results',
    name: 'redis',
    create: (around) => new RedisResults(new RedisStore(options, around)),
  }
}

/** The result backend on a store. */
export class RedisResults implements ResultBackend {
  readonly name = 'redis'
  readonly #store: RedisStore
  #waiters: ResultWaiters | undefined
  #hearing: Promise<() => void> | undefined

  constructor(store: RedisStore) {
    this.#store = store
  }

  get store(): StoreIdentity {
    return this.#store.identity
  }

  async start(): Promise<void> {
    await this.#store.open(this)
    const { resultPoll } = this.#store
    this.#waiters ??= new ResultWaiters({
      clock: this.#store.around.clock,
      get: (ids) => this.#await(ids),
      poll: { first: resultPoll, longest: resultPoll * 5 },
    })
  }

  async stop(): Promise<void> {
    this.#waiters?.close()
    this.#waiters = undefined
    const hearing = this.#hearing
    this.#hearing = undefined
    ;(await hearing?.catch(() => undefined))?.()
    await this.#store.close(this)
  }

  async save(results: readonly StoredResult[]): Promise<readonly Body[]> {
    this.#started()
    if (results.length === 0) return []
    const answers = (await this.#store.run(
      saveScript,
      results.map(({ id }) => this.#store.keys.result(id)),
      [
        results.length,
        ...results.flatMap(({ id, expiresIn, body }) => [id, life(expiresIn), toWire(body)]),
      ],
    )) as readonly number[]
    const others = results.flatMap(({ id }, i) => (answers[i] === 1 ? [] : [id]))
    const found = new Map<string, Body | null>()
    const bodies = await this.get(others)
    for (const [i, id] of others.entries()) found.set(id, bodies[i] ?? null)
    return results.map(({ id, body }, i) => (answers[i] === 1 ? body : (found.get(id) ?? body)))
  }

  async get(ids: readonly string[]): Promise<readonly (Body | null)[]> {
    this.#started()
    return this.#read(ids.map((id) => this.#store.keys.result(id)))
  }

  async wait(id: string, { signal }: { signal: AbortSignal }): Promise<Body> {
    const waiters = this.#started()
    this.#hearing ??= this.#hear(waiters)
    // Without it the poll finds what was not told.
    this.#hearing.catch(() => (this.#hearing = undefined))
    const { expected, around } = this.#store
    const { noted, body } = expected.asked(id, around.clock.monotonic())
    // Whoever has given up is told so, also where the result is here.
    if (body !== undefined && !signal.aborted) return body
    return waiters.wait(id, signal, { noted })
  }

  async delete(ids: readonly string[]): Promise<number> {
    this.#started()
    if (ids.length === 0) return 0
    const { keys, commands } = this.#store
    const deleted = await commands.call(
      'DEL',
      ids.map((id) => keys.result(id)),
    )
    await commands.call(
      'DEL',
      ids.map((id) => keys.progress(id)),
    )
    return Number(deleted)
  }

  async saveProgress(claim: Claim, body: Body, expiresIn: number): Promise<boolean> {
    this.#started()
    const consumers = this.#store.consumers()
    const { line, entry, count } = placeOf(claim)
    const kept = await this.#store.run(
      progressScript,
      [this.#store.keys.queue(claim.queue).stream],
      [
        consumers.length,
        ...consumers,
        ...queueArguments(this.#store, [claim.queue]),
        ...[line, entry, count, claim.id, life(expiresIn), toWire(body)],
      ],
    )
    return kept === 1
  }

  async getProgress(ids: readonly string[]): Promise<readonly (Body | null)[]> {
    this.#started()
    return this.#read(ids.map((id) => this.#store.keys.progress(id)))
  }

  async #hear(waiters: ResultWaiters): Promise<() => void> {
    const { expected } = this.#store
    return this.#store.subscriber.hearResults(
      (id, body) => {
        const told = body === undefined || isDoubtful(body) ? undefined : body
        expected.arrived(id, told)
        if (told === undefined) waiters.look()
        else waiters.arrived(id, told)
      },
      () => {
        expected.deaf()
        waiters.look()
      },
    )
  }

  /** What is there, after noting that the others are waited for. */
  async #await(ids: readonly string[]): Promise<readonly (Body | null)[]> {
    await this.#hearing?.catch(() => {})
    const keys = ids.map((id) => this.#store.keys.result(id))
    const { resultChannel } = this.#store.subscriber
    const found = await this.#store.run(awaitScript, keys, [
      resultChannel,
      waitNoted,
      ids.length,
      ...ids,
    ])
    return this.#exact(keys, found as (string | null)[])
  }

  async #read(keys: readonly string[]): Promise<readonly (Body | null)[]> {
    if (keys.length === 0) return []
    return this.#exact(keys, (await this.#store.commands.call('MGET', keys)) as (string | null)[])
  }

  /** What was read as texts; what may be bytes is read once more, as bytes. */
  async #exact(
    keys: readonly string[],
    texts: readonly (string | null)[],
  ): Promise<readonly (Body | null)[]> {
    const doubtful = texts.flatMap((text, i) => (text !== null && isDoubtful(text) ? [i] : []))
    if (doubtful.length === 0) return texts
    const bodies: (Body | null)[] = [...texts]
    const exact = (await this.#store.commands.callBytes(
      'MGET',
      doubtful.map((i) => keys[i] ?? ''),
    )) as (Buffer | null)[]
    for (const [j, i] of doubtful.entries()) {
      const bytes = exact[j]
      if (bytes !== null && bytes !== undefined) bodies[i] = fromWire(bytes)
    }
    return bodies
  }

  #started(): ResultWaiters {
    if (this.#waiters !== undefined) return this.#waiters
    throw new NotStartedError(
      'the Redis result backend is not started: await broker.start() first.',
    )
  }
}
