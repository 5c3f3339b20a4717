import { describe, expect, it } from 'vitest'
import { planMessage } from '../../../src/broker/plan-message.ts'
import { runtimeOf } from '../../../src/broker/runtime.ts'
import {
  createBroker,
  Pipeline,
  silentLogger,
  type BrokerOptions,
  type ClaimCheckOptions,
} from '../../../src/index.ts'
import { ManualClock, testBroker } from '../../../src/testing/index.ts'

const large = 'x'.repeat(1000)

function stage(options: Partial<BrokerOptions> = {}) {
  const clock = new ManualClock()
  const broker = createBroker({
    transport: 'memory:',
    logger: silentLogger,
    clock,
    claimCheck: { above: 500, keepFor: '1m' },
    ...options,
  })
  const length = broker.task('length', async (text: string) => text.length)
  return { broker, length, clock, runtime: runtimeOf(broker) }
}

describe('a claim check', () => {
  it('is refused where it cannot be meant', () => {
    const wrong: unknown[] = [{}, { above: -1 }, { above: 1.5 }, { above: '1 kB' }]
    for (const claimCheck of [...wrong, { above: 1, keepFor: 0 }, { above: 1, keepFor: 'soon' }]) {
      const given = claimCheck as ClaimCheckOptions
      expect(() => createBroker({ transport: 'memory:', claimCheck: given })).toThrow(
        /createBroker: `claimCheck`: /,
      )
      const { broker } = stage()
      const define = () => broker.task({ name: 'own', claimCheck: given }, async () => {})
      expect(define).toThrow(/^task 'own': /)
    }
  })

  it('keeps for a time that begins when the message may run', async () => {
    const { runtime, length, clock } = stage()
    const kept: number[] = []
    const save = runtime.results.save.bind(runtime.results)
    runtime.results.save = (results) => {
      kept.push(...results.map(({ expiresIn }) => expiresIn))
      return save(results)
    }
    await length.kiq(large)
    await length.kicker().withDelay('1h').kiq(large)
    await length
      .kicker()
      .withEta(new Date(clock.now() + 7_200_000))
      .kiq(large)
    await length
      .kicker()
      .withEta(new Date(clock.now() - 1000))
      .kiq(large)
    expect(kept).toEqual([60_000, 3_660_000, 7_260_000, 60_000])
  })

  it('is exact about the size, which is that of the message in bytes of UTF-8', async () => {
    const { broker, runtime } = stage()
    const message = { id: 'id', task: 'sized', args: ['üü'], kwargs: {}, labels: {} }
    const size = new TextEncoder().encode(String(runtime.codec.encodeMessage(message))).length
    for (const [above, apart] of [
      [size, false],
      [size - 1, true],
    ] as const) {
      const { runtime: own, broker: other } = stage()
      other.task({ name: 'sized', claimCheck: { above } }, async (text: string) => text)
      const written = own.sender.pack({ message, route: { queue: 'q', priority: 4 } })
      expect(written.apart !== undefined).toBe(apart)
    }
    await broker.stop()
  })

  it('leaves the messages of plans and of pipelines whole', async () => {
    const { broker, runtime, length } = stage()
    const parts = { id: 'plan', task: 'length', args: [large], kwargs: {}, labels: {} }
    const plan = planMessage(runtime, { ...parts, cron: '* * * * *' }, { id: 'id', slot: 0 })
    expect(runtime.sender.pack(plan).apart).toBeUndefined()
    await new Pipeline(broker, length).kiq(large)
    const [stored] = await broker.inspector.peek('default', { limit: 1 })
    expect(stored?.body).toContain(large)
  })

  it('does not hide arguments from a test', async () => {
    const { broker, length } = stage()
    await using app = testBroker(broker, { mode: 'inline' })
    await length.kiq(large)
    await app.idle()
    expect(app.sent(length).map(({ args }) => args)).toEqual([[large]])
  })
})
