import { expect, it } from 'vitest'
import { chain, createBroker } from '../../../src/index.ts'
import { testBroker } from '../../../src/testing/index.ts'

it('steps of a workflow, which the store sends by itself, are in the journal as other messages are', async () => {
  const broker = createBroker('memory:')
  const load = broker.task({ name: 'load', aliases: ['old.load'] }, async (id: string) => id.length)
  const report = broker.task('report', async (_id: string) => {
    throw new Error('no paper')
  })
  await using app = testBroker(broker, { mode: 'concurrent', seed: 1 })
  app.faults.killWorker({ at: 'before-settle', task: load })
  await chain(load.si('four'), report.si('x')).kiq()
  await app.drain()
  expect(app.faults.pending).toEqual([])
  expect(app.sent(load).map(({ args }) => args)).toEqual([['four']])
  expect(app.settled(load)).toMatchObject([{ args: ['four'], returnValue: 4, status: 'succeeded' }])
  expect(app.settled(report)).toMatchObject([{ args: ['x'], status: 'failed' }])
  expect(app.failures.map(({ task }) => task)).toEqual(['report'])
})
