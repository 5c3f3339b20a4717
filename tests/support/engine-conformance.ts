/** The conformance suites of all contracts on one engine. */
import { afterEach, beforeEach, describe, it } from 'vitest'
import { timeOrderedIds } from '../../src/core/ids.ts'
import type { ScheduleSource } from '../../src/core/schedule-source.ts'
import type {
  OpenTransport,
  ResultBackendFactory,
  Surroundings,
  TransportFactory,
} from '../../src/core/vendor.ts'
import {
  inspectorBehaviours,
  ledgerBehaviours,
  resultBackendBehaviours,
  scheduleSourceBehaviours,
  transportBehaviours,
  workflowBehaviours,
  type ResultBackendHarness,
  type TransportBehaviour,
  type TransportHarness,
} from '../../src/testing/index.ts'

/** One store, fresh for one test. */
export interface EngineSite {
  readonly around: Surroundings
  readonly transport: () => TransportFactory
  readonly results: () => ResultBackendFactory
  readonly source: () => ScheduleSource
  /** Milliseconds of a lease. */
  readonly lease: number
  /** Milliseconds after which a result expires. */
  readonly expiry: number
  /** Whether time passes only by `advance`. */
  readonly exactTime: boolean
  readonly advance: (ms: number) => Promise<void>
  /** After all that was opened has been closed. */
  readonly remove?: () => void
}

/** Every behaviour as a test, each on a site of its own; called within a `describe`. */
export function engineConformance(makeSite: () => EngineSite): void {
  let site: EngineSite
  let stops: (() => Promise<void>)[]

  beforeEach(() => {
    site = makeSite()
    stops = []
  })

  afterEach(async () => {
    await Promise.all(stops.map((stop) => stop()))
    site.remove?.()
  })

  const ids = (): (() => string) => timeOrderedIds(site.around.clock, site.around.random)

  function transportHarness(): TransportHarness {
    const { around, lease, exactTime, advance } = site
    const factory = site.transport()
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
      exactTime,
      create,
      async open() {
        const instance = create()
        await instance.transport.start()
        await instance.results.start()
        return instance
      },
      advance,
      now: () => around.clock.now(),
      id: ids(),
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
      expiry: site.expiry,
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
    const { around } = site
    const factory = site.results()
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

  async function openSource(): Promise<ScheduleSource> {
    const source = site.source()
    await source.start(site.around)
    stops.push(() => source.stop())
    return source
  }

  function promises(behaviours: readonly TransportBehaviour[]): void {
    for (const { name, needs, run } of behaviours) {
      it(name, (context) => {
        const harness = transportHarness()
        const can = needs === undefined || harness.capabilities[needs] === true
        context.skip(!can, `this engine has no ${needs}`)
        return run(harness)
      })
    }
  }

  describe('transport', () => promises(transportBehaviours))
  describe('workflows', () => promises(workflowBehaviours))
  describe('inspector', () => promises(inspectorBehaviours))
  describe('ledger', () => promises(ledgerBehaviours))
  describe('results', () => {
    for (const { name, run } of resultBackendBehaviours) it(name, () => run(resultHarness()))
  })
  describe('results by themselves', () => {
    for (const { name, run } of resultBackendBehaviours) it(name, () => run(loneResultHarness()))
  })
  describe('schedule source', () => {
    for (const { name, run } of scheduleSourceBehaviours) {
      it(name, () => run({ open: openSource, id: ids() }))
    }
  })
}
