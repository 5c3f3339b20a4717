import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'vitest'
import { sleep, systemClock } from '../../src/core/clock.ts'
import { timeOrderedIds } from '../../src/core/ids.ts'
import { silentLogger } from '../../src/core/logger.ts'
import { seededRandom, systemRandom } from '../../src/core/random.ts'
import type { ScheduleSource } from '../../src/core/schedule-source.ts'
import type { OpenTransport, Surroundings } from '../../src/core/vendor.ts'
import {
  sqliteResultBackend,
  sqliteScheduleSource,
  sqliteTransport,
  type SqliteOptions,
} from '../../src/sqlite/index.ts'
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

/** On the main thread with virtual time; in a thread, which nobody's virtual time reaches, with real time. */
const modes = [
  { name: 'on the main thread', thread: false },
  { name: 'in a thread', thread: true },
]

describe.each(modes)('the SQLite engine $name', ({ thread }) => {
  let options: SqliteOptions
  let clock: ManualClock
  let around: Surroundings
  let folder: string
  let stops: (() => Promise<void>)[]

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'taskwright-sqlite-'))
    options = { file: join(folder, 'tasks.db'), thread }
    clock = new ManualClock()
    stops = []
    around = thread
      ? { clock: systemClock, random: systemRandom, logger: silentLogger }
      : { clock, random: seededRandom(1), logger: silentLogger }
  })

  afterEach(async () => {
    for (const stop of stops) await stop()
    rmSync(folder, { recursive: true })
  })

  const advance = (ms: number): Promise<void> =>
    thread ? sleep(systemClock, ms) : clock.advance(ms)

  function transportHarness(): TransportHarness {
    const factory = sqliteTransport(options)
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
      lease: thread ? 400 : 1000,
      exactTime: !thread,
      create,
      async open() {
        const instance = create()
        await instance.transport.start()
        await instance.results.start()
        return instance
      },
      advance,
      now: () => around.clock.now(),
      id: timeOrderedIds(around.clock, around.random),
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
      expiry: thread ? 300 : 1000,
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
    const factory = sqliteResultBackend(options)
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
  for (const { name, run } of ledgerBehaviours) {
    it(`ledger: ${name}`, () => run(transportHarness()))
  }
  for (const { name, run } of scheduleSourceBehaviours) {
    it(`schedule source: ${name}`, async () => {
      const open = async (): Promise<ScheduleSource> => {
        const source = sqliteScheduleSource(options)
        await source.start(around)
        stops.push(() => source.stop())
        return source
      }
      await run({ open, id: timeOrderedIds(around.clock, around.random) })
    })
  }
})
