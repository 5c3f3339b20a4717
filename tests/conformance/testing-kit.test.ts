/**
 * The transport that the testing kit puts under a broker is the memory transport with its answers
 * delayed, lost or refused as a test says. Without that it must keep every promise of the contract,
 * also when answers come in an order by chance: then what fails in a test is the code under test.
 */
import { afterEach, describe, it } from 'vitest'
import { timeOrderedIds } from '../../src/core/ids.ts'
import { silentLogger } from '../../src/core/logger.ts'
import { seededRandom } from '../../src/core/random.ts'
import type { OpenTransport, Surroundings } from '../../src/core/vendor.ts'
import { memoryTransport } from '../../src/memory/index.ts'
import {
  inspectorBehaviours,
  ManualClock,
  resultBackendBehaviours,
  transportBehaviours,
  type ResultBackendHarness,
  type TransportHarness,
} from '../../src/testing/index.ts'
import { Activity } from '../../src/testing/bench/activity.ts'
import { eventLoopTurn } from '../../src/testing/bench/event-loop-turn.ts'
import { FaultPlan } from '../../src/testing/bench/faults.ts'
import { FaultyResults, FaultyTransport } from '../../src/testing/bench/faulty-transport.ts'
import { Life } from '../../src/testing/bench/life.ts'
import { LimitedTransport } from '../../src/testing/bench/limited-transport.ts'
import {
  directSchedule,
  SeededSchedule,
  type Schedule,
} from '../../src/testing/bench/seeded-schedule.ts'

let stops: (() => Promise<void>)[] = []

afterEach(async () => {
  for (const stop of stops) await stop()
  stops = []
})

function harness(schedule: Schedule): TransportHarness {
  const settle = async (): Promise<void> => {
    do await eventLoopTurn()
    while (schedule.pending > 0)
  }
  const clock = new ManualClock(undefined, settle)
  const around: Surroundings = { clock, random: seededRandom(1), logger: silentLogger }
  const factory = memoryTransport()
  const create = (): OpenTransport => {
    const inner = factory.create(around)
    const options = {
      schedule,
      faults: new FaultPlan({ kill() {}, loseLeases: () => false, onFault() {} }),
      activity: new Activity(),
      clock,
      life: new Life(),
      subjectOf: ({ id }: { id: string }) => ({ id, task: undefined }),
      kill() {},
      expire: () => Promise.resolve(),
      watch: {
        stored() {},
        settled() {},
        claimed() {},
        unanswered() {},
        recovered() {},
        released() {},
        saved() {},
        leased() {},
      },
    }
    const limited = new LimitedTransport(inner.transport, inner.transport)
    const transport = new FaultyTransport(limited, options)
    const results = new FaultyResults(inner.results, options)
    stops.push(
      () => transport.stop(),
      () => results.stop(),
    )
    return { ...inner, transport, results }
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

function resultHarness(schedule: Schedule): ResultBackendHarness {
  const { create, open, advance, id } = harness(schedule)
  const begin = async (): Promise<OpenTransport> => {
    const instance = create()
    await instance.transport.start()
    return instance
  }
  return { expiry: 1_000, create: begin, open, advance, id }
}

const schedules: readonly (readonly [string, () => Schedule])[] = [
  ['in order', () => directSchedule(seededRandom(1))],
  ['interleaved by seed 1', () => new SeededSchedule(seededRandom(1))],
  ['interleaved by seed 2', () => new SeededSchedule(seededRandom(2))],
  ['interleaved by seed 3', () => new SeededSchedule(seededRandom(3))],
]

describe.each(schedules)('the transport under a test broker, %s', (_, schedule) => {
  for (const { name, run } of transportBehaviours) it(name, () => run(harness(schedule())))
})

describe.each(schedules)('its inspector, %s', (_, schedule) => {
  for (const { name, run } of inspectorBehaviours) it(name, () => run(harness(schedule())))
})

describe.each(schedules)('its results, %s', (_, schedule) => {
  for (const { name, run } of resultBackendBehaviours)
    it(name, () => run(resultHarness(schedule())))
})
