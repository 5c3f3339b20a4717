import { systemRandom } from '../../../src/core/random.ts'
import { redisTransport } from '../../../src/redis/index.ts'
import { controlSuite } from '../../support/control-suite.ts'
import { describeRedis, useRedis } from '../../support/redis.ts'

describeRedis('on the Redis transport', () => {
  const redis = useRedis()
  controlSuite(() => {
    const prefix = `${redis.prefix}${systemRandom.hex(4)}:`
    return redisTransport({ url: redis.url, prefix, resultPrefix: prefix })
  })
})
