/** `wait`: what is acknowledged is on a replica. */
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { systemClock } from '../../../src/core/clock.ts'
import { StoreError } from '../../../src/core/errors.ts'
import { silentLogger } from '../../../src/core/logger.ts'
import { systemRandom } from '../../../src/core/random.ts'
import type { OpenTransport } from '../../../src/core/vendor.ts'
import { redisTransport, type RedisOptions } from '../../../src/redis/index.ts'
import { describeOwnRedis } from '../../support/describe-own-redis.ts'
import { OwnRedis } from '../../support/own-redis.ts'

const around = { clock: systemClock, random: systemRandom, logger: silentLogger }
const message = (id: string) => ({ id, queue: 'q', priority: 4, body: `{"task_id":"${id}"}` })

describeOwnRedis('waiting for replicas', () => {
  let primary: OwnRedis
  let replica: OwnRedis
  const opened: OpenTransport[] = []

  beforeAll(async () => {
    ;[primary, replica] = await Promise.all([OwnRedis.start(), OwnRedis.start()])
    await replica.follow(primary)
  })
  afterEach(async () => {
    replica.signal('SIGCONT')
    await Promise.all(opened.splice(0).map(({ transport }) => transport.stop()))
  })
  afterAll(() => Promise.all([primary.remove(), replica.remove()]))

  const open = async (wait: RedisOptions['wait']): Promise<OpenTransport['transport']> => {
    const instance = redisTransport({ url: primary.url, wait }).create(around)
    opened.push(instance)
    await instance.transport.start()
    return instance.transport
  }

  it('has a message on the replica when it is acknowledged, and an outcome when it is settled', async () => {
    const transport = await open(1)
    const ids = Array.from({ length: 50 }, (_, i) => `m${i}`)
    // Scripts that Redis does not know are sent once more, and waited for too.
    primary.cli('SCRIPT', 'FLUSH')
    await Promise.all(ids.map((id) => transport.send([message(id)])))
    expect(replica.cli('XLEN', 'q')).toBe('50')
    const signal = new AbortController().signal
    const got = await transport.receive({ queues: ['q'], room: 50, lease: 30_000, signal })
    primary.cli('SCRIPT', 'FLUSH')
    const settlements = got.map((claim) => ({
      claim,
      outcome: { kind: 'succeeded' } as const,
      result: { id: claim.id, body: 'done', expiresIn: 60_000 },
    }))
    expect(new Set(await transport.settle(settlements))).toEqual(new Set(['settled']))
    expect(replica.cli('XLEN', 'q')).toBe('0')
    expect(replica.cli('GET', 'm7')).toBe('done')
  })

  it('says that too few have it, as something to repeat, and stores it once', async () => {
    const transport = await open({ replicas: 1, timeout: 50 })
    replica.signal('SIGSTOP')
    const failure = await transport.send([message('late')]).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(StoreError)
    expect(failure).toMatchObject({ transient: true })
    expect(String(failure)).toMatch(/0 of 1 replicas/)
    const again = transport.send([message('late')])
    replica.signal('SIGCONT')
    expect(await again).toEqual(['known'])
    expect(replica.cli('XLEN', 'q')).toBe('1')
  })

  it('refuses numbers that mean nothing, and a cluster', () => {
    const create = (options: Partial<RedisOptions>) => () =>
      redisTransport({ url: primary.url, ...options }).create(around)
    expect(create({ wait: 0 })).toThrow(/1 or more/)
    expect(create({ wait: { replicas: 1, timeout: '1m' } })).toThrow(/10 s/)
    const cluster = { nodes: [{ host: '127.0.0.1', port: 1 }] }
    expect(create({ url: undefined, cluster, tag: 'app', wait: 1 })).toThrow(/min-replicas/)
  })
})
