import { expect, it } from 'vitest'
import { createBroker } from '../../../src/index.ts'
import { testBroker } from '../../../src/testing/index.ts'

it('a message under an alias runs as the task, with its retries, and is counted as its own', async () => {
  const broker = createBroker('memory:')
  const runs: number[] = []
  const count = broker.task(
    { name: 'count', aliases: ['celery.count', 'old/count'], retry: { max: 1, backoff: 0 } },
    async (text: string) => {
      runs.push(text.length)
      if (runs.length === 1) throw new Error('once')
      return text.length
    },
  )
  const remote = createBroker('memory:').remoteTask<[string], number>('celery.count')
  await using app = testBroker(broker, { mode: 'inline' })
  const handle = await remote.kicker().withBroker(broker).kiq('four')
  await app.drain()
  expect(await handle.result()).toBe(4)
  expect(runs).toEqual([4, 4])

  app.stub(count, async (_text: string) => 7)
  expect(await (await remote.kicker().withBroker(broker).kiq('four')).result()).toBe(7)
})

it('an alias that another task has is refused, whoever came first', () => {
  const broker = createBroker('memory:')
  broker.task({ name: 'a', aliases: ['b'] }, async () => {})
  expect(() => broker.task('b', async () => {})).toThrow(/'b' is already defined/)
  expect(() => broker.task({ name: 'c', aliases: ['a'] }, async () => {})).toThrow(/'a' is already/)
})
