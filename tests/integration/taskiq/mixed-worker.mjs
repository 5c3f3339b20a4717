/**
 * A worker of the built package that shares its queue and its group with Python's.
 *
 *     node mixed-worker.mjs URL QUEUE
 */
import { Redis } from 'ioredis'

const dist = new URL('../../../dist/', import.meta.url).href
const { createBroker, createWorker } = await import(`${dist}index.js`)
const { redisTransport } = await import(`${dist}redis/index.js`)
const { taskiqPickle } = await import(`${dist}codecs/index.js`)

const [url, queue] = process.argv.slice(2)
const redis = new Redis(url)
const broker = createBroker({
  transport: redisTransport({ url, foreignIdle: 1000 }),
  resultCodec: taskiqPickle(),
  queue,
})
broker.task({ name: 'both.done' }, async (key, name) => {
  await new Promise((resolve) => setTimeout(resolve, 10))
  await redis.rpush(`${key}:ts`, name)
  await redis.sadd(key, name)
})
// Begins, and never ends.
broker.task({ name: 'both.slow' }, async (_seconds, key) => {
  await redis.rpush(key, 'ts')
  await new Promise(() => {})
})
await createWorker(broker, { lease: 600, concurrency: 20, redeliveries: 50 }).start()
process.stdout.write('ready\n')
