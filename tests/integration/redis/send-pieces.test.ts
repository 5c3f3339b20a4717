/** What is sent in one turn leaves in pieces while it is written down, and is stored once and in its order. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createBroker, silentLogger, type Broker } from '../../../src/index.ts'
import { redisTransport } from '../../../src/redis/index.ts'
import { sendPiece } from '../../../src/redis/redis-capabilities.ts'
import { sendPlainScript } from '../../../src/redis/scripts/send-plain-script.ts'
import { describeOwnRedis, ownServers } from '../../support/describe-own-redis.ts'
import type { OwnRedis } from '../../support/own-redis.ts'

describeOwnRedis('tasks that are sent in one turn', () => {
  const server = ownServers()
  let redis: OwnRedis
  let broker: Broker

  beforeEach(async () => {
    redis = await server()
    broker = createBroker({ transport: redisTransport({ url: redis.url }), logger: silentLogger })
  })
  afterEach(() => broker.stop())

  it.each([
    ['a few', 3],
    ['a piece and one', sendPiece + 1],
    ['many more than may be under way', 60 * sendPiece + 7],
  ])('are stored once and in order: %s', async (_, count) => {
    const task = broker.task('t', async (_n: number) => null)
    await task.kiq(-1)
    const calls = vi.spyOn(sendPlainScript, 'run')
    const sending = Array.from({ length: count }, (_each, n) => task.kiq(n))
    // Full pieces have left before this turn is over.
    const early = Math.min(20, Math.floor(count / sendPiece))
    expect(calls.mock.calls.length).toBe(early)
    await Promise.all(sending)
    calls.mockRestore()
    const stored = redis.cli('XRANGE', 'taskiq', '-', '+').match(/"args":\[(-?\d+)\]/g)
    expect(stored).toEqual(Array.from({ length: count + 1 }, (_each, i) => `"args":[${i - 1}]`))
  })
})
