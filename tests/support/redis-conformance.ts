import { sleep, systemClock } from '../../src/core/clock.ts'
import { silentLogger } from '../../src/core/logger.ts'
import { systemRandom } from '../../src/core/random.ts'
import {
  redisResultBackend,
  redisScheduleSource,
  redisTransport,
  type RedisOptions,
} from '../../src/redis/index.ts'
import { engineConformance } from './engine-conformance.ts'

/** The conformance suites on any Redis, on a place that is asked for anew by each; called within a `describe`. */
export function redisConformance(place: () => RedisOptions): void {
  engineConformance(() => {
    const options = place()
    return {
      around: { clock: systemClock, random: systemRandom, logger: silentLogger },
      transport: () => redisTransport(options),
      results: () => redisResultBackend(options),
      source: () => redisScheduleSource(options),
      lease: 400,
      expiry: 400,
      exactTime: false,
      advance: (ms) => sleep(systemClock, ms),
    }
  })
}
