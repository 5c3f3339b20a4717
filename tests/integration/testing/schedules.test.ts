/** Schedulers of a broker under test: on its clock, its store and its workers. */
import { describe, expect, it } from 'vitest'
import { createBroker } from '../../../src/broker/create-broker.ts'
import { createScheduler } from '../../../src/scheduler/create-scheduler.ts'
import { storeSource } from '../../../src/scheduler/store-source.ts'
import { testBroker } from '../../../src/testing/index.ts'

const hour = 3_600_000

describe.each(['inline', 'concurrent'] as const)('a scheduler under test, %s', (mode) => {
  it('fires on the clock of the test, and its messages are run', async () => {
    const broker = createBroker('sqlite:./never-made.db')
    const ran: unknown[] = []
    const tick = broker.task(
      { name: 'tick', schedule: [{ every: '10m', args: ['x'] }] },
      async (what: string) => {
        ran.push(what)
      },
    )
    const scheduler = createScheduler({ broker })
    await using app = testBroker(broker, { mode, seed: 3 })
    await scheduler.start()
    await app.clock.advance('1h')
    await app.idle()
    expect(ran).toHaveLength(6)
    expect(app.sent(tick)).toHaveLength(6)
    expect(app.failures).toEqual([])
    await scheduler.stop()
  })

  it('plans made in a test live in its store, and two schedulers fire each once', async () => {
    const broker = createBroker('sqlite:./never-made.db')
    const report = broker.task('report', async (_team: string) => {})
    const [a, b] = [createScheduler({ broker }), createScheduler({ broker })]
    await using app = testBroker(broker, { mode, seed: 4, start: new Date('2026-10-24T22:00:00Z') })
    await Promise.all([a.start(), b.start()])
    const line = { cron: '30 2 * * *', timezone: 'Europe/Paris', id: 'nightly' }
    await report.scheduleByCron(storeSource(broker), line, 'acme')
    await app.clock.advance(4 * hour)
    await app.idle()
    expect(app.sent(report).map(({ args }) => args)).toEqual([['acme']])
    await a.stop()
    await app.clock.advance(24 * hour)
    await app.idle()
    expect(app.sent(report)).toHaveLength(2)
    await b.stop()
  })
})
