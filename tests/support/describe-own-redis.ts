import { afterAll, describe } from 'vitest'
import { hasOwnRedis, OwnRedis } from './own-redis.ts'

/** Tests on servers of their own; left out, and saying why, where there is no redis-server. With CI it must be there. */
export function describeOwnRedis(name: string, tests: () => void): void {
  if (!hasOwnRedis && process.env['CI'] !== undefined)
    throw new Error('these tests start servers of their own: redis-server is not on PATH')
  const reason = hasOwnRedis ? '' : ' (there is no redis-server on PATH)'
  describe.skipIf(!hasOwnRedis)(`${name}${reason}`, tests)
}

/** Starts servers for the tests of a file, and removes them after these. */
export function ownServers(): (settings?: readonly string[]) => Promise<OwnRedis> {
  const started: OwnRedis[] = []
  afterAll(() => Promise.all(started.map((redis) => redis.remove())))
  return async (settings) => {
    const redis = await OwnRedis.start(settings)
    started.push(redis)
    return redis
  }
}
