import { describe } from 'vitest'
import { silentLogger } from '../../src/core/logger.ts'
import { seededRandom } from '../../src/core/random.ts'
import {
  memoryResultBackend,
  memoryScheduleSource,
  memoryTransport,
} from '../../src/memory/index.ts'
import { ManualClock } from '../../src/testing/index.ts'
import { engineConformance } from '../support/engine-conformance.ts'

describe('the memory engine', () => {
  let made = 0

  engineConformance(() => {
    const clock = new ManualClock()
    const store = `conformance ${++made}`
    return {
      around: { clock, random: seededRandom(1), logger: silentLogger },
      transport: () => memoryTransport(),
      results: () => memoryResultBackend(),
      source: () => memoryScheduleSource({ store }),
      lease: 1000,
      expiry: 1000,
      exactTime: true,
      advance: (ms) => clock.advance(ms),
    }
  })
})
