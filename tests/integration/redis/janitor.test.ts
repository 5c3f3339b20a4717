/** Streams that others read too: what all have had is deleted, and nothing else. */
import { afterEach, beforeEach, expect, it } from 'vitest'
import { systemClock } from '../../../src/core/clock.ts'
import { silentLogger } from '../../../src/core/logger.ts'
import { systemRandom } from '../../../src/core/random.ts'
import { Janitor } from '../../../src/redis/janitor.ts'
import { redisTransport } from '../../../src/redis/index.ts'
import { RedisStore } from '../../../src/redis/redis-store.ts'
import { queueArguments } from '../../../src/redis/claim-batch.ts'
import { trimScript } from '../../../src/redis/scripts/janitor-scripts.ts'
import { describeRedis, useRedis } from '../../support/redis.ts'

const around = { clock: systemClock, random: systemRandom, logger: silentLogger }

describeRedis('the janitor of streams', () => {
  const redis = useRedis()
  const user = {}
  let store: RedisStore
  let prefix: string
  let stream: string
  let ids: string[]

  beforeEach(async () => {
    prefix = `${redis.prefix}${systemRandom.hex(4)}:`
    stream = `${prefix}q`
    store = new RedisStore({ url: redis.url, prefix, resultPrefix: prefix }, around)
    await store.open(user)
    await redis.client.xgroup('CREATE', stream, 'taskiq', '0', 'MKSTREAM')
    await redis.client.sadd(`${prefix}tw:queues`, 'q')
    ids = []
  })
  afterEach(() => store.close(user))

  const add = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) {
      ids.push((await redis.client.xadd(stream, '*', 'data', `body ${i}`)) ?? '')
    }
  }
  /** Hands out the next entries, as to a Python worker. */
  const take = async (count: number, group = 'taskiq'): Promise<string[]> => {
    const read = (await redis.client.xreadgroup(
      ...(['GROUP', group, 'python', 'COUNT', count, 'STREAMS', stream, '>'] as const),
    )) as [string, [string, string[]][]][] | null
    return read?.[0]?.[1].map(([id]) => id) ?? []
  }
  const left = async (): Promise<string[]> =>
    (await redis.client.xrange(stream, '-', '+')).map(([id]) => id)
  /** Calls the script until it has no more to do; how much it deleted. */
  const trim = async (most = 250): Promise<number> => {
    let deleted = 0
    let looked: string[] = []
    for (;;) {
      const [count, more, ...stopped] = (await store.run(
        trimScript,
        [stream],
        [...queueArguments(store, ['q']), '', most, looked.length / 2, ...looked],
      )) as [number, number, ...string[]]
      deleted += count
      looked = stopped
      if (more === 0) return deleted
    }
  }

  it('deletes what was acknowledged, keeps what is held and what nobody has had', async () => {
    await add(10)
    const taken = await take(6)
    await redis.client.xack(stream, 'taskiq', ...taken.slice(0, 3))
    expect(await trim()).toBe(3)
    expect(await left()).toEqual(ids.slice(3))
    await redis.client.xack(stream, 'taskiq', ...taken.slice(3))
    expect(await trim()).toBe(3)
    expect(await left()).toEqual(ids.slice(6))
    expect(await take(10)).toEqual(ids.slice(6))
  })

  it('goes past what is held for ever (a message that Python could not read)', async () => {
    await add(40)
    const taken = await take(30)
    const stuck = new Set([taken[0], taken[7], taken[29]])
    await redis.client.xack(stream, 'taskiq', ...taken.filter((id) => !stuck.has(id)))
    expect(await trim(4)).toBe(27)
    expect(await left()).toEqual([...stuck, ...ids.slice(30)])
    expect(await trim(4)).toBe(0)
  })

  it('trims large streams in parts', async () => {
    for (let i = 0; i < 10; i++) await add(100)
    const taken = await take(700)
    await redis.client.xack(stream, 'taskiq', ...taken)
    expect(await trim(10)).toBe(700)
    expect(await left()).toEqual(ids.slice(700))
  })

  it('waits for every group of the stream', async () => {
    await add(6)
    await redis.client.xgroup('CREATE', stream, 'audit', '0')
    await redis.client.xack(stream, 'taskiq', ...(await take(6)))
    expect(await trim()).toBe(0)
    const audited = await take(4, 'audit')
    await redis.client.xack(stream, 'audit', ...audited.filter((_, i) => i !== 1))
    expect(await trim()).toBe(3)
    expect(await left()).toEqual([ids[1], ids[4], ids[5]])
  })

  it('leaves a stream without a group alone', async () => {
    await add(3)
    await redis.client.xgroup('DESTROY', stream, 'taskiq')
    expect(await trim()).toBe(0)
    expect(await left()).toEqual(ids)
  })

  it('is done by one process at a time', async () => {
    await add(3)
    await redis.client.xack(stream, 'taskiq', ...(await take(3)))
    const args = [...queueArguments(store, ['q']), 60_000, 250, 0]
    expect(await store.run(trimScript, [stream], args)).toEqual([3, 0])
    await add(1)
    await redis.client.xack(stream, 'taskiq', ...(await take(1)))
    expect(await store.run(trimScript, [stream], args)).toEqual([-1, 0])
  })

  it('does not count, show or cancel what Python has acknowledged', async () => {
    const factory = redisTransport({ url: redis.url, prefix, resultPrefix: prefix })
    const { transport, inspector } = factory.create(around)
    await transport.start()
    const body = (id: string): string => `{"task_id": "${id}"}`
    for (const id of ['ended', 'runs', 'waits']) {
      await redis.client.xadd(stream, '*', 'data', body(id))
    }
    const [ended = ''] = await take(2)
    await redis.client.xack(stream, 'taskiq', ended)
    expect(await inspector?.queues()).toMatchObject([{ queue: 'q', queued: 1, running: 1 }])
    expect(await inspector?.states(['ended', 'runs', 'waits'])).toEqual([null, 'running', 'queued'])
    const page = await inspector?.peek('q', { limit: 10 })
    expect(page?.map(({ id, state }) => [id, state])).toEqual([
      ['runs', 'running'],
      ['waits', 'queued'],
    ])
    const answers = await transport.cancel(['ended', 'runs'], { reason: 'why', lease: 1000 })
    expect(answers.map(({ state }) => state)).toEqual(['unknown', 'running'])
    await transport.configureQueues({ q: { cap: 2 } })
    const envelope = { queue: 'q', priority: 4, body: body('new') }
    expect(await transport.send([{ ...envelope, id: 'new' }])).toEqual(['stored'])
    await expect(transport.send([{ ...envelope, id: 'more' }])).rejects.toThrow(/cap/)
    await transport.stop()
  })

  it('moves what is due in queues that this process does not serve, and trims them', async () => {
    const factory = redisTransport({ url: redis.url, prefix, resultPrefix: prefix })
    const { transport } = factory.create(around)
    await transport.start()
    await add(3)
    await redis.client.xack(stream, 'taskiq', ...(await take(3)))
    const janitor = new Janitor(store, { trims: true })
    janitor.start(['other'])
    await transport.send([{ id: 'later', queue: 'q', priority: 4, delay: 60, body: 'due' }])
    await expect.poll(() => take(1), { timeout: 10_000, interval: 20 }).toHaveLength(1)
    await expect.poll(left, { timeout: 20_000, interval: 50 }).toHaveLength(1)
    await janitor.stop()
    await transport.stop()
  })
})
