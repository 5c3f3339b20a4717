import { systemRandom } from '../../src/core/random.ts'
import { redisConformance } from '../support/redis-conformance.ts'
import { describeRedis, useRedis } from '../support/redis.ts'

describeRedis('the Redis engine', () => {
  const redis = useRedis()
  redisConformance(() => {
    const own = `${redis.prefix}${systemRandom.hex(4)}:`
    return { url: redis.url, prefix: own, resultPrefix: own }
  })
})
