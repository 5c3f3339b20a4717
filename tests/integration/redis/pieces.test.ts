/** Many messages that cost Redis time go in pieces, and are stored as if they had gone in one. */
import { expect, it } from 'vitest'
import { systemClock } from '../../../src/core/clock.ts'
import { timeOrderedIds } from '../../../src/core/ids.ts'
import { silentLogger } from '../../../src/core/logger.ts'
import { systemRandom } from '../../../src/core/random.ts'
import { redisTransport } from '../../../src/redis/index.ts'
import { describeOwnRedis, ownServers } from '../../support/describe-own-redis.ts'

const around = { clock: systemClock, random: systemRandom, logger: silentLogger }
const drawn = timeOrderedIds(systemClock, systemRandom)

describeOwnRedis('many messages for later', () => {
  const server = ownServers()

  const many = (count: number) =>
    Array.from({ length: count }, () => {
      const id = drawn()
      const body = `{"task_id":"${id}"}`
      return { id, fresh: true, queue: 'q', priority: 4, delay: 3_600_000, body } as const
    })

  it('go in calls of 200 at most, each message once', async () => {
    const redis = await server()
    const { transport, inspector } = redisTransport({ url: redis.url }).create(around)
    await transport.start()
    const envelopes = many(1001)
    redis.cli('CONFIG', 'RESETSTAT')
    const statuses = await transport.send(envelopes)
    expect(statuses).toEqual(envelopes.map(() => 'stored'))
    const calls = /cmdstat_eval(?:sha)?:calls=(\d+)/g
    const stats = redis.cli('INFO', 'commandstats')
    const scripts = [...stats.matchAll(calls)].reduce((sum, [, count]) => sum + Number(count), 0)
    // The first EVALSHA is not known; then come the pieces.
    expect(scripts).toBeGreaterThanOrEqual(6)
    expect(redis.cli('ZCARD', '{q}:tw:delayed')).toBe('1001')
    expect(await inspector?.queues()).toMatchObject([{ queue: 'q', scheduled: 1001 }])
    await transport.stop()
  })

  it('are refused as a whole where the queue has a cap', async () => {
    const redis = await server()
    const { transport } = redisTransport({ url: redis.url }).create(around)
    await transport.start()
    await transport.configureQueues({ q: { cap: 300 } })
    await expect(transport.send(many(301))).rejects.toThrow(/cap/)
    expect(redis.cli('ZCARD', '{q}:tw:delayed')).toBe('0')
    expect(await transport.send(many(300))).toHaveLength(300)
    await transport.stop()
  })

  it('are moved when they are due, a share of each queue at a time', async () => {
    const redis = await server()
    const { transport } = redisTransport({ url: redis.url }).create(around)
    await transport.start()
    const queues = Array.from({ length: 10 }, (_, i) => `q${i}`)
    for (const queue of queues)
      await transport.send(many(100).map((envelope) => ({ ...envelope, queue, delay: 1 })))
    const { signal } = new AbortController()
    const left = (): number =>
      queues.reduce((sum, queue) => sum + Number(redis.cli('ZCARD', `{${queue}}:tw:delayed`)), 0)
    expect(left()).toBe(1000)
    const ask = { queues, room: 1, lease: 60_000, signal, wait: 0 }
    expect(await transport.receive(ask)).toHaveLength(1)
    expect(left()).toBe(850)
    await transport.stop()
  })
})
