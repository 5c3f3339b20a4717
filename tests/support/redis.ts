/** A Redis for the tests of a file: its own prefix, and nothing left behind. */
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe } from 'vitest'
import { systemRandom } from '../../src/core/random.ts'

/** Where the tests find Redis. */
export const redisUrl: string = process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379'

/** Whether it answers; with CI set it must. */
const hasRedis: boolean = await answers()

/** Tests on a real Redis; left out, and saying why, where none answers. */
export function describeRedis(name: string, tests: () => void): void {
  const reason = hasRedis ? '' : ` (no Redis answers at ${redisUrl}: set REDIS_URL)`
  describe.skipIf(!hasRedis)(`${name}${reason}`, tests)
}

async function answers(): Promise<boolean> {
  const client = new Redis(redisUrl, {
    lazyConnect: true,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  })
  client.on('error', () => {})
  try {
    await client.connect()
    return (await client.ping()) === 'PONG'
  } catch (error) {
    if (process.env['CI'] !== undefined) throw error
    return false
  } finally {
    client.disconnect()
  }
}

/** What the tests of a file have. */
export interface TestRedis {
  readonly url: string
  /** What the names of all keys of this file begin with. */
  readonly prefix: string
  /** A client for looking around. */
  readonly client: Redis
}

/** Opens a client before the tests of this file, and deletes all keys of its prefix after them. */
export function useRedis(): TestRedis {
  const prefix = `test-${systemRandom.hex(6)}-`
  const client = new Redis(redisUrl, { lazyConnect: true })
  beforeAll(() => client.connect())
  afterAll(async () => {
    await deleteKeys(client, prefix)
    await client.quit()
  })
  return { url: redisUrl, prefix, client }
}

/** Deletes keys by what they begin with, also inside a tag. */
export async function deleteKeys(client: Redis, prefix: string): Promise<void> {
  for (const pattern of [`${prefix}*`, `{${prefix}*`, `*:${prefix}*`]) {
    let cursor = '0'
    do {
      const [next, keys] = await client.scan(cursor, 'MATCH', pattern, 'COUNT', 1000)
      cursor = next
      if (keys.length > 0) await client.unlink(...keys)
    } while (cursor !== '0')
  }
}
