/** The conformance suites by way of a Sentinel: long, so they run where LONG_TESTS is set. */
import { afterAll, beforeAll, describe } from 'vitest'
import { systemRandom } from '../../src/core/random.ts'
import { describeOwnRedis } from '../support/describe-own-redis.ts'
import { OwnSentinel } from '../support/own-cluster.ts'
import { redisConformance } from '../support/redis-conformance.ts'

describe.skipIf(process.env['LONG_TESTS'] === undefined)('with LONG_TESTS', () => {
  describeOwnRedis('the Redis engine behind a Sentinel', () => {
    let servers: OwnSentinel
    beforeAll(async () => {
      servers = await OwnSentinel.start()
    })
    afterAll(() => servers.remove())
    redisConformance(() => {
      const own = `${systemRandom.hex(4)}:`
      return { options: servers.options, prefix: own, resultPrefix: own }
    })
  })
})
