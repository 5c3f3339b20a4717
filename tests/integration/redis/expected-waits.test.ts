/** Tasks that are always awaited have their waits noted as they are sent: no call for each, and no result is missed. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import {
  createBroker,
  createWorker,
  silentLogger,
  type Broker,
  type Worker,
} from '../../../src/index.ts'
import { redisTransport } from '../../../src/redis/index.ts'
import { awaitScript } from '../../../src/redis/scripts/result-scripts.ts'
import { describeOwnRedis, ownServers } from '../../support/describe-own-redis.ts'
import type { OwnRedis } from '../../support/own-redis.ts'

const asked = vi.spyOn(awaitScript, 'run')

describeOwnRedis('a caller that awaits each of its tasks', () => {
  const server = ownServers()
  let redis: OwnRedis
  let caller: Broker
  let elsewhere: Broker
  let worker: Worker
  let echo: (text: string) => Promise<string>

  beforeEach(async () => {
    redis = await server()
    const brokerOn = () =>
      // A result that is missed comes late, by a poll.
      createBroker({
        transport: redisTransport({ url: redis.url, resultPoll: '20s' }),
        logger: silentLogger,
      })
    caller = brokerOn()
    elsewhere = brokerOn()
    elsewhere.task('echo', async (text: string) => text)
    const task = caller.task('echo', async (text: string) => text)
    echo = async (text) => (await task.kiq(text)).result()
    worker = createWorker(elsewhere)
    await worker.start()
    for (let i = 0; i < 40; i++) await echo(`${i}`)
    asked.mockClear()
  })
  afterEach(async () => {
    await worker.stop()
    await Promise.all([caller.stop(), elsewhere.stop()])
  })

  it('asks for none of them any more', async () => {
    for (let i = 0; i < 40; i++) expect(await echo(`${i}`)).toBe(`${i}`)
    const texts = Array.from({ length: 50 }, (_, i) => `at once ${i}`)
    expect(await Promise.all(texts.map(echo))).toEqual(texts)
    expect(asked).not.toHaveBeenCalled()
    // Nothing is left of what was noted.
    expect(redis.cli('KEYS', 'tw:wait:*').trim()).toBe('')
  })

  it.each([
    ['is too large to be told', 'x'.repeat(10_000)],
    ['is told with letters of any kind', 'ü€😀\ufffd'],
  ])('gets a result that %s', async (_, text) => {
    for (let i = 0; i < 5; i++) expect(await echo(text)).toBe(text)
  })

  it('gets a result that came before it is asked for', async () => {
    const task = caller.task('later', async () => 'never here')
    elsewhere.task('later', async () => 'there')
    const handle = await task.kiq()
    await vi.waitFor(() => expect(redis.cli('EXISTS', handle.taskId)).toContain('1'))
    expect(await handle.result()).toBe('there')
    expect(await handle.result()).toBe('there')
  })

  it('gets its results also after the connection that hears them was lost', async () => {
    const pending = echo('first')
    redis.cli('CLIENT', 'KILL', 'TYPE', 'pubsub')
    expect(await pending).toBe('first')
    for (let i = 0; i < 5; i++) expect(await echo(`${i}`)).toBe(`${i}`)
  })
})
