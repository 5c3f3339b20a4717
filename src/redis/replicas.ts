/**
 * Scripts whose effect counts only when replicas have it (WAIT), for those who ask for that.
 *
 * WAIT speaks of what its own connection did before, and blocks that connection: so these scripts have one of
 * their own, and the WAIT follows them in the same piece. After a failover both fail together: no answer of
 * the old primary is taken for confirmed by the new one. What is called while a WAIT is under way leaves
 * after it, all in one piece with one WAIT.
 */
import type { RedisArgument } from '../connections/redis/redis-client.ts'
import { replyCode } from '../connections/redis/redis-failure.ts'
import type { RedisLink } from '../connections/redis/redis-link.ts'
import { milliseconds, type Duration } from '../core/duration.ts'
import { InvalidInputError, StoreError } from '../core/errors.ts'
import type { RedisScript } from './scripts/redis-script.ts'

/** What is waited for; see `RedisOptions.wait`. */
export interface ReplicaWait {
  /** How many replicas must have it. 1 or more. */
  readonly replicas: number
  /** For how long that is waited before the call fails. Default 1 s, at most 10 s. */
  readonly timeout?: Duration | undefined
}

/** Longer than this, and the connection would be taken for dead. */
const longest = 10_000

interface Call {
  readonly script: RedisScript
  /** Keys and arguments, as EVALSHA has them behind the script. */
  readonly rest: readonly RedisArgument[]
  readonly resolve: (answer: unknown) => void
  readonly reject: (error: unknown) => void
  /** The server does not know the script. */
  unknown: boolean
}

/** See the top of the file. */
export class Replicas {
  readonly #replicas: number
  readonly #timeout: number
  readonly #open: () => Promise<RedisLink>
  #calls: Call[] = []
  #busy = false
  #link: Promise<RedisLink> | undefined

  /** @throws InvalidInputError */
  constructor(wait: number | ReplicaWait, open: () => Promise<RedisLink>) {
    const { replicas, timeout = 1000 } = typeof wait === 'number' ? { replicas: wait } : wait
    this.#replicas = replicas
    this.#timeout = milliseconds(timeout)
    this.#open = open
    if (!Number.isInteger(replicas) || replicas < 1)
      throw new InvalidInputError('redisTransport: `wait` is how many replicas: 1 or more.')
    if (!(this.#timeout >= 1 && this.#timeout <= longest))
      throw new InvalidInputError('redisTransport: `wait.timeout` is from 1 ms to 10 s.')
  }

  /**
   * Calls a script, and answers when replicas have what it wrote.
   * @throws StoreError, transient, when too few have it in time: it is stored and safe to repeat, and may
   * be lost when Redis fails over. Errors of the client for calls that failed.
   */
  run(script: RedisScript, rest: readonly RedisArgument[]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#calls.push({ script, rest, resolve, reject, unknown: false })
      void this.#leave()
    })
  }

  /** What a failure of a call is to those who call us. */
  async failure(error: unknown): Promise<unknown> {
    const link = await this.#link?.catch(() => undefined)
    return error instanceof StoreError || link === undefined ? error : link.failure(error)
  }

  /** Closes the connection; what is under way fails. Idempotent. */
  async close(): Promise<void> {
    const link = await this.#link?.catch(() => undefined)
    this.#link = undefined
    link?.cut()
  }

  async #leave(): Promise<void> {
    if (this.#busy) return
    this.#busy = true
    while (this.#calls.length > 0) {
      let link: RedisLink
      try {
        link = await (this.#link ??= this.#open())
      } catch (error) {
        this.#link = undefined
        for (const { reject } of this.#calls.splice(0)) reject(error)
        break
      }
      await this.#round(link, this.#calls.splice(0))
    }
    this.#busy = false
  }

  /** Calls, and one WAIT for all of them behind. */
  async #round(link: RedisLink, calls: readonly Call[]): Promise<void> {
    const answers = calls.map(({ script, rest, unknown }) =>
      unknown
        ? link.raw('EVAL', [script.source, ...rest])
        : link.raw('EVALSHA', [script.sha, ...rest]),
    )
    const waiting = link.raw('WAIT', [this.#replicas, this.#timeout])
    const [waited, ...ended] = await Promise.allSettled([waiting, ...answers])
    const missing = this.#missing(waited)
    for (const [i, answer] of ended.entries()) {
      const call = calls[i]
      if (call === undefined) continue
      if (answer.status === 'rejected') {
        // Nothing was done: it goes again with its source.
        if (replyCode(answer.reason) === 'NOSCRIPT' && !call.unknown)
          this.#calls.push(Object.assign(call, { unknown: true }))
        else call.reject(answer.reason)
      } else if (missing !== undefined) call.reject(missing)
      else call.resolve(answer.value)
    }
  }

  #missing(waited: PromiseSettledResult<unknown>): unknown {
    if (waited.status === 'rejected') return waited.reason
    const have = Number(waited.value)
    if (have >= this.#replicas) return undefined
    return new StoreError(
      `only ${have} of ${this.#replicas} replicas have what was written after ${this.#timeout} ms: it is ` +
        'stored, and may be lost if Redis fails over. It is safe to repeat. Are the replicas up?',
      { transient: true },
    )
  }
}
