/** docs/reference/redis-keys.md: every key that a life of work leaves in Redis is on the page, with its type. */
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createBroker, createWorker, silentLogger, TaskContext } from '../../../src/index.ts'
import { redisTransport } from '../../../src/redis/index.ts'
import { describeOwnRedis } from '../../support/describe-own-redis.ts'
import { OwnRedis } from '../../support/own-redis.ts'

const page = readFileSync(new URL('../../../docs/reference/redis-keys.md', import.meta.url), 'utf8')
const types: Readonly<Record<string, string>> = { 'sorted set': 'zset' }

interface Row {
  readonly name: string
  readonly key: RegExp
  readonly type: string
}

const rows = [
  ...page.matchAll(/^\| `([^`]+)` \| (stream|string|hash|set|list|sorted set) \|/gm),
].map(([, name = '', type = '']): Row => {
  const pattern = name
    .replaceAll(/[{}]/g, '\\$&')
    .replaceAll('<queue>', '[\\w-]+')
    .replaceAll('<n>', '[0-9c]')
    .replaceAll('<id>', '[\\w-]+')
    .replaceAll(/<\w+>/g, '.+')
  return { name, key: new RegExp(`^${pattern}$`), type: types[type] ?? type }
})

describeOwnRedis('the page of keys', () => {
  let redis: OwnRedis
  beforeAll(async () => {
    redis = await OwnRedis.start()
  })
  afterAll(() => redis.remove())

  it('has every key and its type', async () => {
    const broker = createBroker({
      transport: redisTransport({ url: redis.url }),
      queues: { 'with-a-cap': { cap: 10 } },
      logger: silentLogger,
    })
    const busy = broker.task(
      { name: 'busy', deps: { ctx: TaskContext }, retry: { max: 1, backoff: '1h' } },
      async ({ ctx }, what: string) => {
        await ctx.progress('begun')
        if (what === 'lock') await ctx.lock('a-lock')
        if (what === 'fail') throw new Error('later')
        if (what === 'reject') ctx.reject('not this')
        return what
      },
    )
    const worker = createWorker(broker)
    const handles = await busy.kiqMany([['lock'], ['plain'], ['reject'], ['fail']])
    await busy.kicker().withPriority('high').withTaskId('own-id').kiq('plain')
    await busy.kicker().withDelay('1h').kiq('later')
    await busy.kicker().withQueue('with-a-cap').kiq('waits')
    await worker.start()
    const seen = new Map<string, string>()
    const look = (): void => {
      for (const key of redis.cli('KEYS', '*').split('\n')) {
        const type = redis.cli('TYPE', key)
        if (type !== 'none') seen.set(key, type)
      }
    }
    const waited = broker.handle('own-id').result()
    look()
    for (const handle of handles.slice(0, 3)) await handle.waitResult().catch(() => {})
    await waited
    look()
    await worker.stop()
    await broker.stop()
    const off = [...seen].filter(
      ([key, type]) => !rows.some((row) => row.key.test(key) && row.type === type),
    )
    expect(off).toEqual([])
    expect(seen.size).toBeGreaterThan(15)
  })
})
