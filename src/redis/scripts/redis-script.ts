import { createHash } from 'node:crypto'
import type { RedisArgument } from '../../connections/redis/redis-client.ts'
import { replyCode } from '../../connections/redis/redis-failure.ts'
import type { RedisLink } from '../../connections/redis/redis-link.ts'
import { onlyUsed } from './only-used.ts'

/** A Lua script and how it is called: by its digest, and with its source where the server does not know it. */
export class RedisScript {
  readonly name: string
  readonly #written: string
  #made: { readonly source: string; readonly sha: string } | undefined

  /** `written`: what it shares with others may stand in it whole; see {@link onlyUsed}. */
  constructor(name: string, written: string) {
    this.name = name
    this.#written = written
  }

  get source(): string {
    return this.#make().source
  }

  get sha(): string {
    return this.#make().sha
  }

  /** At its first use: a program uses few of them, and none while it is loaded. */
  #make(): { readonly source: string; readonly sha: string } {
    if (this.#made === undefined) {
      const source = onlyUsed(this.#written)
      this.#made = { source, sha: createHash('sha1').update(source).digest('hex') }
    }
    return this.#made
  }

  /** @throws StoreError */
  async run(
    link: RedisLink,
    keys: readonly string[],
    args: readonly RedisArgument[],
  ): Promise<unknown> {
    const rest = [keys.length, ...keys, ...args]
    try {
      return await link.raw('EVALSHA', [this.sha, ...rest])
    } catch (error) {
      if (replyCode(error) !== 'NOSCRIPT') throw link.failure(error)
    }
    // Nothing was done, so it is safe to send it again, with the source.
    return link.call('EVAL', [this.source, ...rest])
  }

  /** The same, for answers that hold bodies: texts are answered as bytes. @throws StoreError */
  async runBuffers(
    link: RedisLink,
    keys: readonly string[],
    args: readonly RedisArgument[],
  ): Promise<unknown> {
    const rest = [keys.length, ...keys, ...args]
    try {
      return await link.rawBytes('EVALSHA', [this.sha, ...rest])
    } catch (error) {
      if (replyCode(error) !== 'NOSCRIPT') throw link.failure(error)
    }
    try {
      return await link.rawBytes('EVAL', [this.source, ...rest])
    } catch (error) {
      throw link.failure(error)
    }
  }
}
