/** The conformance suites of transports, workflows, inspectors and result backends on any Redis. */
import { afterEach, beforeEach, it } from 'vitest'
import { sleep, systemClock } from '../../src/core/clock.ts'
import { timeOrderedIds } from '../../src/core/ids.ts'
import { silentLogger } from '../../src/core/logger.ts'
import { systemRandom } from '../../src/core/random.ts'
import type { ScheduleSource } from '../../src/core/schedule-source.ts'
import type { OpenTransport } from '../../src/core/vendor.ts'
import {
  redisResultBackend,
  redisScheduleSource,
  redisTransport,
  type RedisOptions,
} from '../../src/redis/index.ts'
import {
  inspectorBehaviours,
  ledgerBehaviours,
  resultBackendBehaviours,
  scheduleSourceBehaviours,
  transportBehaviours,
  workflowBehaviours,
  type ResultBackendHarness,
  type TransportHarness,
} from '../../src/testing/index.ts'

const around = { clock: systemClock, random: systemRandom, logger: silentLogger }
const lease = 400

/** Every behaviour as a test, on a place that is asked for anew by each; called within a `describe`. */
export function redisConformance(place: () => RedisOptions): void {
  let options: RedisOptions
  let stops: (() => Promise<void>)[]

  beforeEach(() => {
    options = place()
    stops = []
  })

  afterEach(async () => {
    await Promise.all(stops.map((stop) => stop()))
  })

  const advance = (ms: number): Promise<void> => sleep(systemClock, ms)

  function transportHarness(): TransportHarness {
    const factory = redisTransport(options)
    const create = (): OpenTransport => {
      const instance = factory.create(around)
      stops.push(async () => {
        await instance.transport.stop()
        await instance.results.stop()
      })
      return instance
    }
    return {
      capabilities: create().transport.capabilities,
      queue: 'queue',
      lease,
      exactTime: false,
      create,
      async open() {
        const instance = create()
        await instance.transport.start()
        await instance.results.start()
        return instance
      },
      advance,
      now: () => systemClock.now(),
      id: timeOrderedIds(systemClock, systemRandom),
    }
  }

  function resultHarness(): ResultBackendHarness {
    const { create, id } = transportHarness()
    const begin = async (): Promise<OpenTransport> => {
      const instance = create()
      await instance.transport.start()
      return instance
    }
    return {
      expiry: lease,
      create: begin,
      async open() {
        const instance = await begin()
        await instance.results.start()
        return instance
      },
      advance,
      id,
    }
  }

  function loneResultHarness(): ResultBackendHarness {
    const factory = redisResultBackend(options)
    return {
      ...resultHarness(),
      create: async () => ({ results: factory.create(around) }),
      async open() {
        const results = factory.create(around)
        await results.start()
        stops.push(() => results.stop())
        return { results }
      },
    }
  }

  for (const { name, run } of ledgerBehaviours) {
    it(`ledger: ${name}`, () => run(transportHarness()))
  }
  for (const { name, run } of scheduleSourceBehaviours) {
    it(`schedule source: ${name}`, async () => {
      const open = async (): Promise<ScheduleSource> => {
        const source = redisScheduleSource(options)
        await source.start(around)
        stops.push(() => source.stop())
        return source
      }
      await run({ open, id: timeOrderedIds(systemClock, systemRandom) })
    })
  }
  for (const { name, run } of transportBehaviours) {
    it(`transport: ${name}`, () => run(transportHarness()))
  }
  for (const { name, run } of workflowBehaviours) {
    it(`workflows: ${name}`, () => run(transportHarness()))
  }
  for (const { name, run } of inspectorBehaviours) {
    it(`inspector: ${name}`, () => run(transportHarness()))
  }
  for (const { name, run } of resultBackendBehaviours) {
    it(`results: ${name}`, () => run(resultHarness()))
    it(`results by themselves: ${name}`, () => run(loneResultHarness()))
  }
}
