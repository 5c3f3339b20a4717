import { fileURLToPath } from 'node:url'
import { DefinitionError, InvalidInputError } from '../core/errors.ts'
import type { TransportFactory } from '../core/vendor.ts'
import { describePlace, readRedisUrl } from '../connections/redis/redis-place.ts'
import { memoryCapabilities } from '../memory/memory-capabilities.ts'
import { redisCapabilities, sharedQueue } from '../redis/redis-capabilities.ts'
import { sqliteCapabilities } from '../sqlite/sqlite-capabilities.ts'
import { lazyVendor } from './lazy-vendor.ts'

const redis = (_: string, url: string): TransportFactory => {
  checkRedisUrl(url)
  return lazyVendor({
    name: 'redis',
    where: describePlace({ url }),
    queue: sharedQueue,
    capabilities: redisCapabilities,
    load: async () => {
      const { redisTransport } = await import('../redis/redis-transport.ts')
      return redisTransport({ url })
    },
  })
}

/** What each scheme opens. */
const schemes: Readonly<Record<string, (rest: string, url: string) => TransportFactory>> = {
  memory: (rest) =>
    lazyVendor({
      name: 'memory',
      capabilities: memoryCapabilities,
      load: async () => {
        const { memoryTransport } = await import('../memory/memory-transport.ts')
        return memoryTransport(rest === '' ? {} : { store: rest })
      },
    }),
  sqlite: (rest, url) => {
    const options = readSqliteUrl(rest, url)
    return lazyVendor({
      name: 'sqlite',
      where: options.file,
      capabilities: sqliteCapabilities,
      load: async () => {
        const { sqliteTransport } = await import('../sqlite/sqlite-transport.ts')
        return sqliteTransport(options)
      },
    })
  },
  redis,
  rediss: redis,
  valkey: redis,
  valkeys: redis,
}

/**
 * The transport of a URL: `memory:`, `memory:name`, `sqlite:./tasks.db`, `sqlite:/data/tasks.db`,
 * `sqlite:///data/tasks.db`; `?synchronous=full` for SQLite; `redis://user:password@host:6379/0`, or
 * `rediss:` for TLS (`valkey:` and `valkeys:` are the same).
 *
 * @throws DefinitionError that lists what is known.
 */
export function transportOf(url: string): TransportFactory {
  const [, scheme, rest] = /^([a-z][a-z0-9+.-]*):(.*)$/is.exec(url) ?? []
  const open = scheme === undefined ? undefined : schemes[scheme.toLowerCase()]
  if (open === undefined || rest === undefined) {
    const what = scheme === undefined ? `'${url.slice(0, 40)}'` : `a URL with '${scheme}:'`
    throw new DefinitionError(
      `cannot make a broker of ${what}. Known: ${Object.keys(schemes)
        .map((name) => `${name}:`)
        .join(', ')} (for instance sqlite:./tasks.db).`,
    )
  }
  return open(rest, url)
}

function readSqliteUrl(
  rest: string,
  url: string,
): { file: string; synchronous?: 'normal' | 'full' } {
  const [path = '', query = ''] = rest.split('?', 2)
  if (path === '' || path === ':memory:') {
    throw new DefinitionError(
      `'${url}' names no file: write sqlite:./tasks.db, or memory: for a broker without a file.`,
    )
  }
  const parameters = new URLSearchParams(query)
  const synchronous = parameters.get('synchronous')
  for (const name of parameters.keys()) {
    if (name !== 'synchronous')
      throw new DefinitionError(`'${url}': there is no parameter '${name}' (known: synchronous).`)
  }
  if (synchronous !== null && synchronous !== 'normal' && synchronous !== 'full') {
    throw new DefinitionError(`'${url}': synchronous is 'normal' or 'full'.`)
  }
  const file = readPath(path, url)
  return synchronous === null ? { file } : { file, synchronous }
}

function readPath(path: string, url: string): string {
  try {
    return path.startsWith('//') ? fileURLToPath(`file:${path}`) : decodeURIComponent(path)
  } catch (error) {
    throw new DefinitionError(
      `'${url}' names no file: write sqlite:./tasks.db, sqlite:/data/tasks.db or sqlite:///data/tasks.db, and %25 for a percent sign.`,
      { cause: error },
    )
  }
}

function checkRedisUrl(url: string): void {
  try {
    readRedisUrl(url)
  } catch (error) {
    if (error instanceof InvalidInputError)
      throw new DefinitionError(error.message, { cause: error })
    throw error
  }
}
