/** Queues that are a list or a channel to Python. */
import { afterEach, beforeEach, expect, it } from 'vitest'
import {
  createBroker,
  createWorker,
  silentLogger,
  systemClock,
  systemRandom,
  type Broker,
} from '../../../src/index.ts'
import { redisTransport, type RedisOptions } from '../../../src/redis/index.ts'
import { describeRedis, useRedis } from '../../support/redis.ts'

const around = { clock: systemClock, random: systemRandom, logger: silentLogger }

describeRedis('queues that others pop', () => {
  const redis = useRedis()
  let options: RedisOptions
  const stops: (() => Promise<void>)[] = []
  beforeEach(() => {
    const prefix = `${redis.prefix}${systemRandom.hex(4)}:`
    options = { url: redis.url, prefix, resultPrefix: prefix }
  })
  afterEach(async () => {
    for (const stop of stops.splice(0).reverse()) await stop()
  })

  const open = async (taskiq: 'list' | 'pubsub') => {
    const opened = redisTransport({ ...options, taskiq }).create(around)
    await opened.transport.start()
    stops.push(() => opened.transport.stop())
    return opened
  }
  const broker = (taskiq: 'list' | 'pubsub', more = {}): Broker => {
    const made = createBroker({
      transport: redisTransport({ ...options, taskiq }),
      logger: silentLogger,
      queue: 'q',
      ...more,
    })
    stops.push(() => made.stop())
    return made
  }
  const work = async (made: Broker): Promise<void> => {
    const worker = createWorker(made, { shutdownTimeout: '1s' })
    stops.push(() => worker.stop())
    await worker.start()
  }
  const list = (): string => `${String(options.prefix)}q`
  const signal = new AbortController().signal

  it('sends into the list as TaskIQ does, and takes no more out of it than there is room for', async () => {
    const { transport, inspector } = await open('list')
    const envelopes = ['a', 'b', 'c'].map((id) => ({
      ...{ id, queue: 'q', priority: 4 },
      body: `{"task_id":"${id}"}`,
    }))
    await transport.send(envelopes)
    expect(await redis.client.lrange(list(), 0, -1)).toEqual(
      envelopes.map(({ body }) => body).reverse(),
    )
    const request = { queues: ['q'], room: 2, lease: 1000, signal, wait: 0 }
    const taken = await transport.receive(request)
    expect(taken.map(({ id }) => id)).toEqual(['a', 'b'])
    expect(await redis.client.llen(list())).toBe(1)
    expect(await inspector?.queues()).toMatchObject([{ queue: 'q', queued: 1, running: 2 }])
  })

  it('hands out again what a worker of ours held when it died', async () => {
    const [first, second] = [await open('list'), await open('list')]
    await redis.client.lpush(list(), '{"task_id":"a"}')
    const request = { queues: ['q'], room: 5, lease: 150, signal }
    expect(await first.transport.receive({ ...request, wait: 0 })).toHaveLength(1)
    const again = await second.transport.receive({ ...request, wait: 5000 })
    expect(again).toMatchObject([{ id: 'a', redeliveries: 1 }])
    // What was moved, and not taken before the process died, is taken by the next one.
    await redis.client.lpush(`{${list()}}:tw:taken`, '{"task_id":"b"}')
    const left = await second.transport.receive({ ...request, wait: 0 })
    expect(left).toMatchObject([{ id: 'b', redeliveries: 0 }])
  })

  it('wakes for what Python pushes, retries, delays and keeps dead letters', async () => {
    const made = broker('list')
    let runs = 0
    const flaky = made.task({ name: 'flaky', retry: { max: 1, backoff: 1 } }, async (n: number) => {
      if (++runs === 1) throw new Error('once')
      if (n < 0) throw new Error('always')
      return n
    })
    await work(made)
    expect(await (await flaky.kiq(1)).result({ timeout: '20s' })).toBe(1)
    expect(runs).toBe(2)
    const later = await flaky.kicker().withDelay(100).kiq(2)
    expect(await later.result({ timeout: '20s' })).toBe(2)
    const bad = await flaky.kiq(-1)
    await expect(bad.result({ timeout: '20s' })).rejects.toThrow('always')
    expect(await made.inspector.deadLetter(bad.taskId)).toMatchObject({ reason: 'failed' })
    expect(await redis.client.llen(list())).toBe(0)
  })

  it('hears a channel: all workers of ours together run a message once', async () => {
    const [one, two] = [broker('pubsub'), broker('pubsub')]
    const ran: number[] = []
    const hears = (made: Broker) =>
      made.task('heard', async (n: number) => {
        ran.push(n)
        return n
      })
    const heard = hears(one)
    hears(two)
    await expect(heard.kiq(0)).rejects.toThrow(/nobody listens/)
    await work(one)
    await work(two)
    // Both hear it once both have subscribed; the second may be on its way.
    await expect.poll(() => redis.client.pubsub('NUMSUB', list())).toEqual([list(), 2])
    for (const handle of await heard.kiqMany([[1], [2], [3]])) {
      await handle.result({ timeout: '20s' })
    }
    expect(ran.sort((a, b) => a - b)).toEqual([1, 2, 3])
  })

  it('refuses what a list or a channel cannot do', async () => {
    for (const kind of ['list', 'pubsub'] as const) {
      const { transport } = await open(kind)
      expect(transport.capabilities).toMatchObject({ popped: true, priorities: false, caps: false })
      expect(transport.capabilities.durable).toBe(kind === 'list')
      const envelope = { id: 'a', queue: 'q', priority: 9, body: '{}' }
      await expect(transport.send([envelope])).rejects.toThrow(/no priorities/)
      await expect(transport.configureQueues({ q: { cap: 5 } })).rejects.toThrow(
        /cannot have a cap/,
      )
      await expect(transport.configureGates({})).rejects.toThrow(/cannot have gates/)
    }
  })
})
