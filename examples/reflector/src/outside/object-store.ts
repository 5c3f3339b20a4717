import { createWriteStream, openAsBlob } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { randomUUID } from 'node:crypto'
import { dirname } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { ask, type Question } from './ask.ts'
import { signedUrl, type ObjectStoreAccess } from './signed-url.ts'

/** A bucket of an object store. */
export class ObjectStore {
  readonly #access: ObjectStoreAccess
  readonly #bucket: string

  constructor(access: ObjectStoreAccess, bucket: string) {
    this.#access = access
    this.#bucket = bucket
  }

  async put(key: string, file: string, type = 'application/octet-stream'): Promise<void> {
    const body = await openAsBlob(file, { type })
    await this.#ask(key, { method: 'PUT', body, timeout: 300_000 })
  }

  /** Downloads to `file`, which is whole or not there. */
  async download(key: string, file: string): Promise<void> {
    await mkdir(dirname(file), { recursive: true })
    const part = `${file}.${randomUUID()}.part`
    const read = async ({ body }: Response): Promise<void> =>
      pipeline(Readable.fromWeb(body ?? new Blob([]).stream()), createWriteStream(part))
    try {
      await this.#ask(key, { timeout: 600_000, read })
      await rename(part, file)
    } finally {
      await rm(part, { force: true })
    }
  }

  /** Deleting what is not there is no error. */
  async delete(key: string): Promise<void> {
    await this.#ask(key, { method: 'DELETE', timeout: 30_000 })
  }

  /** All keys that begin with `prefix`, page by page. */
  async *list(prefix = ''): AsyncGenerator<string> {
    for (let after = ''; ;) {
      const query = new URLSearchParams({ prefix, after, limit: '1000' })
      const answer = await this.#ask('', { timeout: 30_000 }, `?${query.toString()}`)
      const { keys, more } = (await answer.json()) as { keys: string[]; more: boolean }
      yield* keys
      const last = keys.at(-1)
      if (!more || last === undefined) return
      after = last
    }
  }

  /** A URL under which a service can fetch an object; `seconds` from `now` on it is worth nothing. */
  signedUrl(key: string, { now, seconds = 3600 }: { now: Date; seconds?: number }): string {
    const expires = Math.floor(now.getTime() / 1000) + seconds
    return signedUrl(this.#access, { bucket: this.#bucket, key, expires })
  }

  #ask(key: string, question: Omit<Question, 'service'>, query = ''): Promise<Response> {
    const { url, key: id, secret } = this.#access
    const path = key.split('/').map(encodeURIComponent).join('/')
    const headers = { authorization: `Bearer ${id}:${secret}` }
    const where = key === '' ? `${url}/${this.#bucket}` : `${url}/${this.#bucket}/${path}`
    return ask(where + query, { ...question, headers, service: 'the object store' })
  }
}
