/**
 * A worker that is stopped, or cut off, while Redis hands it messages: it sees them when their leases have ended
 * and others run them. They must not run here, too.
 */
import { expect, it, vi } from 'vitest'
import { systemClock } from '../../src/core/clock.ts'
import { silentLogger } from '../../src/core/logger.ts'
import { systemRandom } from '../../src/core/random.ts'
import type { Delivery } from '../../src/core/delivery.ts'
import type { ReceiveRequest } from '../../src/core/transport.ts'
import { redisTransport } from '../../src/redis/index.ts'
import { FaultProxy } from '../faults/fault-proxy.ts'
import { describeOwnRedis, ownServers } from '../support/describe-own-redis.ts'

const around = { clock: systemClock, random: systemRandom, logger: silentLogger }
const lease = 600

describeOwnRedis('a message whose hand-over comes late', () => {
  const server = ownServers()

  it.each([
    ['is left to who has taken it since', true],
    ['is handed out where nobody else has taken it', false],
  ])('%s', async (_, isTaken) => {
    const redis = await server()
    const proxy = await FaultProxy.open({ port: redis.port })
    const { transport: far } = redisTransport({
      url: `redis://127.0.0.1:${proxy.port}`,
    }).create(around)
    const { transport: near } = redisTransport({ url: redis.url }).create(around)
    await Promise.all([far.start(), near.start()])
    const stop = new AbortController()
    const ask: ReceiveRequest = { queues: ['q'], room: 9, lease, signal: stop.signal, wait: 20_000 }
    // All that it asks first has been asked, and the connection on which it waits is open.
    do expect(await far.receive({ ...ask, wait: 100 })).toEqual([])
    while (!/name=\S+:reads/.test(redis.cli('CLIENT', 'LIST')))
    await near.send([{ id: 'a', queue: 'q', priority: 4, body: '{"task_id":"a"}' }])
    proxy.set({ stalled: ['down'] })
    const waiting = far.receive(ask)
    await vi.waitUntil(() => redis.cli('XPENDING', 'q', 'taskiq').startsWith('1'), 20_000)
    const over = (): boolean => idle(redis.cli('XPENDING', 'q', 'taskiq', '-', '+', '9')) > lease
    const taken: readonly Delivery[] = isTaken
      ? await near.receive({ ...ask, lease: 60_000 })
      : await vi.waitUntil(() => over() && [], { timeout: 20_000 })
    proxy.set({ stalled: [] })
    // The next one comes in any case.
    await near.send([{ id: 'b', queue: 'q', priority: 4, body: '{"task_id":"b"}' }])
    const ids: string[] = []
    while (!ids.includes('b')) {
      const found = ids.length === 0 ? await waiting : await far.receive(ask)
      ids.push(...found.map(({ id }) => id), ...(found.length === 0 ? ['none'] : []))
    }
    expect(taken.map(({ id, redeliveries }) => [id, redeliveries])).toEqual(
      isTaken ? [['a', 1]] : [],
    )
    expect(ids.filter((id) => id !== 'none')).toEqual(isTaken ? ['b'] : ['a', 'b'])
    stop.abort()
    await Promise.all([far.stop(), near.stop()])
    await proxy.close()
  })
})

/** Milliseconds since the one entry was handed out, of what XPENDING says. */
function idle(text: string): number {
  return Number(text.split('\n')[2])
}
