import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises'
import { randomUUID } from 'node:crypto'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Hono } from 'hono'
import { isSigned } from '../outside/signed-url.ts'
import type { MessageQueues } from './message-queue.ts'

export interface ObjectStoreOptions {
  readonly folder: string
  readonly key: string
  readonly secret: string
  /** Which queue is told of new objects, by bucket. */
  readonly announces: Readonly<Record<string, string>>
  readonly queues: MessageQueues
}

/**
 * Objects in files, with what Reflector uses of S3: put, get, delete, list, URLs signed for a time,
 * and a message to a queue for every object that a watched bucket gets.
 */
export function objectStore({ folder, key, secret, announces, queues }: ObjectStoreOptions): Hono {
  const fileOf = (path: string): string => {
    const file = resolve(folder, `.${decodeURIComponent(path)}`)
    if (!file.startsWith(resolve(folder) + sep)) throw new Error('outside of the store')
    return file
  }
  return new Hono()
    .use(async (context, next) => {
      const url = new URL(context.req.url)
      const path = url.pathname.replace(/^\/store/, '')
      const owner = context.req.header('authorization') === `Bearer ${key}:${secret}`
      const reads = context.req.method === 'GET'
      const signed = reads && isSigned(secret, { path, query: url.searchParams, now: Date.now() })
      return owner || signed ? next() : context.json({ Code: 'AccessDenied' }, 403)
    })
    .get('/:bucket', async (context) => {
      const bucket = join(folder, context.req.param('bucket'))
      const { prefix = '', after = '', limit = '1000' } = context.req.query()
      const keys = (await filesIn(bucket)).filter((name) => name.startsWith(prefix) && name > after)
      const page = keys.slice(0, Number(limit))
      return context.json({ keys: page, more: keys.length > page.length })
    })
    .put('/:bucket/:key{.+}', async (context) => {
      const file = fileOf(new URL(context.req.url).pathname.replace(/^\/store/, ''))
      await mkdir(dirname(file), { recursive: true })
      // Whole or not there: a reader never sees half an object.
      const part = join(folder, `.part-${randomUUID()}`)
      const body = Readable.fromWeb(context.req.raw.body ?? new Blob([]).stream())
      await pipeline(body, createWriteStream(part))
      await rename(part, file)
      const { bucket, key: name } = context.req.param()
      const queue = announces[bucket]
      if (queue !== undefined) queues.send(queue, announcement(bucket, name))
      return context.body(null, 200)
    })
    .get('/:bucket/:key{.+}', async (context) => {
      const file = fileOf(new URL(context.req.url).pathname.replace(/^\/store/, ''))
      const found = await stat(file).catch(() => undefined)
      if (found === undefined) return context.json({ Code: 'NoSuchKey' }, 404)
      const stream = Readable.toWeb(createReadStream(file)) as ReadableStream
      return context.body(stream, 200, { 'content-length': String(found.size) })
    })
    .delete('/:bucket/:key{.+}', async (context) => {
      await rm(fileOf(new URL(context.req.url).pathname.replace(/^\/store/, '')), { force: true })
      return context.body(null, 204)
    })
}

/** What S3 writes into a queue when an object has come. */
export function announcement(bucket: string, key: string): string {
  const object = { key: encodeURIComponent(key) }
  return JSON.stringify({
    Records: [{ eventName: 'ObjectCreated:Put', s3: { bucket: { name: bucket }, object } }],
  })
}

async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .sort()
}
