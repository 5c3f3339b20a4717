/** Consumers whose workers are gone are removed; nothing that anybody holds is dropped with them. */
import { afterEach, beforeEach, expect, it } from 'vitest'
import { systemClock } from '../../../src/core/clock.ts'
import { silentLogger } from '../../../src/core/logger.ts'
import { systemRandom } from '../../../src/core/random.ts'
import { removeConsumers } from '../../../src/redis/consumers.ts'
import { redisTransport } from '../../../src/redis/index.ts'
import { Janitor } from '../../../src/redis/janitor.ts'
import { RedisStore } from '../../../src/redis/redis-store.ts'
import { describeRedis, useRedis } from '../../support/redis.ts'

const around = { clock: systemClock, random: systemRandom, logger: silentLogger }
/** Whoever holds nothing is gone. */
const atOnce = { leases: 0, least: 0 }

describeRedis('consumers whose workers are gone', () => {
  const redis = useRedis()
  const user = {}
  let store: RedisStore
  let prefix: string
  let stream: string

  beforeEach(async () => {
    prefix = `${redis.prefix}${systemRandom.hex(4)}:`
    stream = `${prefix}q`
    store = new RedisStore({ url: redis.url, prefix, resultPrefix: prefix }, around)
    await store.open(user)
    await redis.client.xgroup('CREATE', stream, 'taskiq', '0', 'MKSTREAM')
    await redis.client.sadd(`${prefix}tw:queues`, 'q')
  })
  afterEach(() => store.close(user))

  const consumers = async (): Promise<string[]> => {
    const infos = (await redis.client.xinfo('CONSUMERS', stream, 'taskiq')) as string[][]
    return infos.map((info) => info[info.indexOf('name') + 1] ?? '').sort()
  }
  const create = async (...names: string[]): Promise<void> => {
    for (const name of names) await redis.client.xgroup('CREATECONSUMER', stream, 'taskiq', name)
  }
  const blockedReads = async (): Promise<number> => {
    const clients = String(await redis.client.call('CLIENT', 'LIST')).split('\n')
    const ours = new RegExp(`name=taskwright:tw:\\S*:${process.pid}:\\S* .* flags=\\w*b`)
    return clients.filter((client) => ours.test(client)).length
  }
  const pending = async (): Promise<unknown> => (await redis.client.xpending(stream, 'taskiq'))[0]

  it('removes ours that hold nothing, and no other', async () => {
    await create('tw:host:1:aa:400', 'tw:host:2:bb:400', 'tw:released', 'python', 'tw:odd')
    await redis.client.xadd(stream, '*', 'data', 'body')
    await redis.client.xreadgroup(
      ...(['GROUP', 'taskiq', 'tw:host:2:bb:400', 'COUNT', 1, 'STREAMS', stream, '>'] as const),
    )
    expect(await removeConsumers(store, ['q'], { idle: atOnce })).toBe(1)
    expect(await consumers()).toEqual(['python', 'tw:host:2:bb:400', 'tw:odd', 'tw:released'])
    expect(await pending()).toBe(1)
  })

  it('waits for leases to be over many times, and for the least time', async () => {
    await create('tw:host:1:aa:400', 'tw:host:2:bb:3600000')
    const later = { leases: 0, least: 60_000 }
    expect(await removeConsumers(store, ['q'], { idle: later })).toBe(0)
    const byLease = { leases: 10, least: 0 }
    await expect
      .poll(() => removeConsumers(store, ['q'], { idle: byLease }), { timeout: 20_000 })
      .toBe(1)
    expect(await consumers()).toEqual(['tw:host:2:bb:3600000'])
  })

  it('finds them on every line, and in queues that are not there', async () => {
    const line = `{${stream}}:tw:p:9`
    await redis.client.sadd(`{${stream}}:tw:lines`, '9')
    await redis.client.xgroup('CREATE', line, 'taskiq', '0', 'MKSTREAM')
    await redis.client.xgroup('CREATECONSUMER', line, 'taskiq', 'tw:host:1:aa:400')
    await create('tw:host:1:aa:400')
    expect(await removeConsumers(store, ['none', 'q'], { idle: atOnce })).toBe(2)
  })

  it('is done by one process at a time', async () => {
    await create('tw:host:1:aa:400')
    const look = { idle: atOnce, alone: 60_000 }
    expect(await removeConsumers(store, ['q'], look)).toBe(1)
    expect(await removeConsumers(store, ['q'], look)).toBe(-1)
  })

  it('is done by the janitor of whoever receives', async () => {
    await create('tw:host:1:aa:400', 'python')
    const janitor = new Janitor(store, { trims: false, sweepEvery: 20, gone: atOnce })
    janitor.start(['other'])
    await expect.poll(consumers, { timeout: 10_000, interval: 20 }).toEqual(['python'])
    await janitor.stop()
  })

  it('lets a worker go on whose consumer was removed under its read', async () => {
    const factory = redisTransport({ url: redis.url, prefix, resultPrefix: prefix })
    const { transport } = factory.create(around)
    await transport.start()
    const signal = new AbortController().signal
    const receive = () => transport.receive({ queues: ['q'], room: 1, lease: 5000, signal })
    const work = async (id: string, whileItWaits: () => Promise<void>): Promise<void> => {
      const reading = receive()
      await whileItWaits()
      await transport.send([{ id, queue: 'q', priority: 4, body: `{"task_id":"${id}"}` }])
      const [claim] = await reading
      expect(claim?.id).toBe(id)
      if (claim === undefined) return
      // It holds something, and stays.
      expect(await removeConsumers(store, ['q'], { idle: atOnce })).toBe(0)
      expect(await transport.settle([{ claim, outcome: { kind: 'succeeded' } }])).toEqual([
        'settled',
      ])
    }
    await work('one', async () => {})
    expect(await consumers()).toHaveLength(1)
    await work('two', async () => {
      // Nothing is held, so it goes while the read blocks.
      await expect.poll(() => blockedReads(), { timeout: 10_000, interval: 5 }).toBe(1)
      expect(await removeConsumers(store, ['q'], { idle: atOnce })).toBe(1)
      expect(await consumers()).toEqual([])
    })
    await transport.stop()
    expect(await consumers()).toEqual([])
  })
})
