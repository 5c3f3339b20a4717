import { afterEach, beforeEach, describe, it } from 'vitest'
import { timeOrderedIds } from '../../src/core/ids.ts'
import { silentLogger } from '../../src/core/logger.ts'
import { seededRandom } from '../../src/core/random.ts'
import type { ScheduleSource } from '../../src/core/schedule-source.ts'
import type { OpenTransport, Surroundings } from '../../src/core/vendor.ts'
import {
  memoryResultBackend,
  memoryScheduleSource,
  memoryTransport,
} from '../../src/memory/index.ts'
import {
  inspectorBehaviours,
  ledgerBehaviours,
  ManualClock,
  resultBackendBehaviours,
  scheduleSourceBehaviours,
  transportBehaviours,
  workflowBehaviours,
  type ResultBackendHarness,
  type TransportHarness,
} from '../../src/testing/index.ts'

let clock: ManualClock
let around: Surroundings
let stops: (() => Promise<void>)[] = []

beforeEach(() => {
  clock = new ManualClock()
  around = { clock, random: seededRandom(1), logger: silentLogger }
})

afterEach(async () => {
  for (const stop of stops) await stop()
  stops = []
})

function transportHarness(): TransportHarness {
  const factory = memoryTransport()
  const create = (): OpenTransport => {
    const instance = factory.create(around)
    stops.push(
      () => instance.transport.stop(),
      () => instance.results.stop(),
    )
    return instance
  }
  return {
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
    id: timeOrderedIds(clock, around.random),
  }
}

function resultHarness(): ResultBackendHarness {
  const { create, advance, id } = transportHarness()
  const begin = async (): Promise<OpenTransport> => {
    const instance = create()
    await instance.transport.start()
    return instance
  }
  return {
    expiry: 1_000,
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
  const factory = memoryResultBackend()
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

describe('the memory transport', () => {
  for (const { name, run } of transportBehaviours) it(name, () => run(transportHarness()))
})

describe('the workflows of the memory transport', () => {
  for (const { name, run } of workflowBehaviours) it(name, () => run(transportHarness()))
})

describe('the inspector of the memory transport', () => {
  for (const { name, run } of inspectorBehaviours) it(name, () => run(transportHarness()))
})

describe('the results of the memory transport', () => {
  for (const { name, run } of resultBackendBehaviours) it(name, () => run(resultHarness()))
})

describe('the memory result backend by itself', () => {
  for (const { name, run } of resultBackendBehaviours) it(name, () => run(loneResultHarness()))
})

describe('the ledger of the memory transport', () => {
  for (const { name, run } of ledgerBehaviours) it(name, () => run(transportHarness()))
})

describe('the memory schedule source', () => {
  let made = 0

  for (const { name, run } of scheduleSourceBehaviours) {
    it(name, async () => {
      const id = timeOrderedIds(clock, around.random)
      const store = `schedule source ${++made}`
      const open = async (): Promise<ScheduleSource> => {
        const source = memoryScheduleSource({ store })
        await source.start(around)
        stops.push(() => source.stop())
        return source
      }
      await run({ open, id })
    })
  }
})
