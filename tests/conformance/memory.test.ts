import { afterEach, beforeEach, describe, it } from 'vitest'
import { timeOrderedIds } from '../../src/core/ids.ts'
import { silentLogger } from '../../src/core/logger.ts'
import { seededRandom } from '../../src/core/random.ts'
import type { OpenTransport } from '../../src/core/vendor.ts'
import { memoryTransport } from '../../src/memory/index.ts'
import { ManualClock, transportBehaviours, type TransportHarness } from '../../src/testing/index.ts'

let harness: TransportHarness
const opened: OpenTransport[] = []

beforeEach(() => {
  const clock = new ManualClock()
  const random = seededRandom(1)
  const factory = memoryTransport()
  const create = (): OpenTransport => {
    const instance = factory.create({ clock, random, logger: silentLogger })
    opened.push(instance)
    return instance
  }
  harness = {
    capabilities: create().transport.capabilities,
    queue: 'queue',
    lease: 1_000,
    exactTime: true,
    create,
    async open() {
      const instance = create()
      await instance.transport.start()
      await instance.results.start()
      return instance
    },
    advance: (ms) => clock.advance(ms),
    now: () => clock.now(),
    id: timeOrderedIds(clock, random),
  }
})

afterEach(async () => {
  for (const { transport, results } of opened.splice(0)) {
    await transport.stop()
    await results.stop()
  }
})

describe('the memory transport', () => {
  for (const { name, run } of transportBehaviours) it(name, () => run(harness))
})
