import { InvalidInputError } from '../../core/errors.ts'
import type { RedisClientOptions, RedisPlace } from './redis-client.ts'

const members = ['url', 'options', 'cluster', 'client'] as const

/** @throws InvalidInputError unless exactly one place is named, in a form that can be read. */
export function checkPlace(place: RedisPlace): void {
  const named = members.filter((member) => place[member] !== undefined)
  if (named.length !== 1) {
    throw new InvalidInputError(
      `give Redis exactly one of ${members.join(', ')}; there ${named.length === 0 ? 'is none' : `are ${named.join(' and ')}`}.`,
    )
  }
  if (place.url !== undefined) readRedisUrl(place.url)
  if (place.cluster !== undefined && place.cluster.nodes.length === 0) {
    throw new InvalidInputError('`cluster.nodes` names at least one node: { host, port }.')
  }
}

/** Where Redis is, for people: never a secret. */
export function describePlace({ url, options, cluster, client }: RedisPlace): string {
  if (url !== undefined) {
    const { host, port, db } = readRedisUrl(url)
    return `${String(host)}:${String(port)}/${String(db)}`
  }
  if (cluster !== undefined) {
    return `cluster of ${cluster.nodes.map(({ host, port }) => `${host}:${port}`).join(', ')}`
  }
  const of = options ?? (client as { options?: RedisClientOptions } | undefined)?.options ?? {}
  const sentinel = of['sentinels'] === undefined ? undefined : `sentinel ${String(of['name'])}`
  return sentinel ?? `${String(of.host ?? '127.0.0.1')}:${String(of.port ?? 6379)}/${of.db ?? 0}`
}

/**
 * The options in a URL.
 * @throws InvalidInputError that does not repeat the password.
 */
export function readRedisUrl(url: string): RedisClientOptions {
  let parsed: URL
  try {
    parsed = new URL(url)
  } catch (cause) {
    throw new InvalidInputError('the Redis URL cannot be read: write redis://host:6379/0.', {
      cause,
    })
  }
  const { protocol, hostname, port, pathname, username, password, search } = parsed
  if (!schemes.has(protocol)) {
    throw new InvalidInputError(
      `a Redis URL begins with redis:// or rediss:// (TLS), not '${protocol}//'.`,
    )
  }
  if (search !== '') {
    throw new InvalidInputError(
      `the Redis URL has parameters (${search}), of which none is known: use \`options\` for more than host, user and database.`,
    )
  }
  const db = pathname.replace(/^\//, '')
  if (!/^\d*$/.test(db)) {
    throw new InvalidInputError(
      `the path of a Redis URL is the number of a database, not '${db}': redis://host:6379/0.`,
    )
  }
  return {
    host: hostname === '' ? '127.0.0.1' : hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? 6379 : Number(port),
    db: Number(db),
    ...(username === '' ? {} : { username: decodeURIComponent(username) }),
    ...(password === '' ? {} : { password: decodeURIComponent(password) }),
    ...(secure.has(protocol) ? { tls: {} } : {}),
  }
}

const secure: ReadonlySet<string> = new Set(['rediss:', 'valkeys:'])
const schemes: ReadonlySet<string> = new Set(['redis:', 'valkey:', ...secure])
