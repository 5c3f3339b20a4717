import { afterEach, expect, it } from 'vitest'
import { createBroker, createWorker, logTo, type Broker } from '../../../src/index.ts'
import { redisTransport } from '../../../src/redis/index.ts'
import { describeRedis, useRedis } from '../../support/redis.ts'

describeRedis('a worker that starts where others are', () => {
  const redis = useRedis()
  const stops: (() => Promise<void>)[] = []
  afterEach(async () => {
    for (const stop of stops.splice(0).reverse()) await stop()
  })

  const open = (queue: string): { broker: Broker; lines: string[] } => {
    const lines: string[] = []
    const { url, prefix } = redis
    const broker = createBroker({
      transport: redisTransport({ url, prefix, resultPrefix: prefix }),
      queue,
      logger: logTo((level, message) => void (level === 'warn' && lines.push(message))),
    })
    stops.push(() => broker.stop())
    return { broker, lines }
  }
  const work = async (broker: Broker, options = {}): Promise<void> => {
    const worker = createWorker(broker, options)
    stops.push(() => worker.stop())
    await worker.start()
  }

  it('names the tasks in its queues that nobody here knows, waiting ones and dead ones', async () => {
    const first = open('seen')
    first.broker.task('known', async () => {})
    const never = first.broker.remoteTask<[], void>({ name: 'never.loaded' })
    const dead = await never.kiq()
    await work(first.broker)
    await expect(dead.result({ timeout: '20s' })).rejects.toThrow('never.loaded')
    const second = open('seen')
    second.broker.task('known', async () => {})
    await second.broker.start()
    await work(second.broker)
    await expect
      .poll(() => second.lines.filter((line) => line.includes('nobody here knows')))
      .toEqual([
        "queue 'seen' has messages of tasks that nobody here knows: never.loaded. They are set aside as dead letters (unknownTask). Load their modules, or give each program a queue of its own.",
      ])
  })

  it('says nothing where all are known', async () => {
    const { broker, lines } = open('quiet')
    const known = broker.task('known', async () => 1)
    const handle = await known.kiq()
    await work(broker)
    expect(await handle.result({ timeout: '20s' })).toBe(1)
    expect(lines.filter((line) => line.includes('nobody here knows'))).toEqual([])
  })
})
