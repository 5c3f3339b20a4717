/** The conformance suites on a cluster of three nodes: long, so they run where LONG_TESTS is set. */
import { afterAll, beforeAll, describe } from 'vitest'
import { systemRandom } from '../../src/core/random.ts'
import { describeOwnRedis } from '../support/describe-own-redis.ts'
import { OwnCluster } from '../support/own-cluster.ts'
import { redisConformance } from '../support/redis-conformance.ts'

describe.skipIf(process.env['LONG_TESTS'] === undefined)('with LONG_TESTS', () => {
  describeOwnRedis('the Redis engine on a cluster', () => {
    let cluster: OwnCluster
    beforeAll(async () => {
      cluster = await OwnCluster.start()
    })
    afterAll(() => cluster.remove())
    redisConformance(() => {
      const own = `${systemRandom.hex(4)}:`
      const nodes = cluster.places
      // Another tag for each test: the nodes take turns.
      return { cluster: { nodes }, tag: systemRandom.hex(4), prefix: own, resultPrefix: own }
    })
  })
})
