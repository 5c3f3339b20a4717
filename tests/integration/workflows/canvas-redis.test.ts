import { expect, it } from 'vitest'
import { systemClock } from '../../../src/core/clock.ts'
import { systemRandom } from '../../../src/core/random.ts'
import { redisTransport } from '../../../src/redis/index.ts'
import { canvasSuite } from '../../support/canvas-suite.ts'
import { describeRedis, useRedis } from '../../support/redis.ts'
import { simulateWorkflow } from '../../support/workflow-simulation.ts'

describeRedis('on the Redis transport', () => {
  const redis = useRedis()
  const fresh = () => {
    const prefix = `${redis.prefix}${systemRandom.hex(4)}:`
    return redisTransport({ url: redis.url, prefix, resultPrefix: prefix })
  }

  canvasSuite(fresh)

  it('random canvases come to what the evaluator says, whoever dies', async () => {
    for (let seed = 0; seed < 40; seed++) {
      const options = {
        factory: fresh(),
        clock: systemClock,
        size: 25,
        sweeperOnly: seed % 2 === 1,
      }
      const { generations } = await simulateWorkflow(seed, options)
      expect(generations).toBeGreaterThan(0)
    }
  })
})
