/** A cluster and a Sentinel: work runs on them, and a failover loses nothing that was replicated. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createBroker, createWorker, InvalidInputError, silentLogger } from '../../../src/index.ts'
import { redisTransport, type RedisOptions } from '../../../src/redis/index.ts'
import { describeOwnRedis } from '../../support/describe-own-redis.ts'
import { OwnCluster, OwnSentinel } from '../../support/own-cluster.ts'

/** A broker with a worker, and a task that doubles. */
async function program(options: RedisOptions) {
  const broker = createBroker({ transport: redisTransport(options), logger: silentLogger })
  const double = broker.task('double', async (n: number) => 2 * n)
  const worker = createWorker(broker, { concurrency: 4 })
  await worker.start()
  return {
    broker,
    double,
    async [Symbol.asyncDispose]() {
      await worker.stop()
      await broker.stop()
    },
  }
}

describeOwnRedis('a cluster of three nodes', () => {
  let cluster: OwnCluster
  beforeAll(async () => {
    cluster = await OwnCluster.start()
  })
  afterAll(() => cluster.remove())

  it('needs one tag for all keys', () => {
    const transport = redisTransport({ cluster: { nodes: cluster.places } })
    expect(() => createBroker({ transport })).toThrow(InvalidInputError)
  })

  it.each(['a', 'bc', 'def'])('runs work, wherever the slot of {%s} is', async (tag) => {
    await using app = await program({ cluster: { nodes: cluster.places }, tag })
    const handles = await app.double.kiqMany(Array.from({ length: 50 }, (_, n) => [n] as const))
    const values = await Promise.all(handles.map((handle) => handle.result({ timeout: '20s' })))
    expect(values).toEqual(Array.from({ length: 50 }, (_, n) => 2 * n))
    const later = await app.double.kicker().withDelay('100ms').withPriority('critical').kiq(7)
    expect(await later.result({ timeout: '20s' })).toBe(14)
  })
})

describeOwnRedis('a primary behind a Sentinel', () => {
  let servers: OwnSentinel
  beforeAll(async () => {
    servers = await OwnSentinel.start()
  })
  afterAll(() => servers.remove())

  it('is found, and so is its replica after it has died', async () => {
    await using app = await program({ options: servers.options })
    expect(await (await app.double.kiq(1)).result({ timeout: '20s' })).toBe(2)
    const later = await app.double.kicker().withDelay('3s').kiq(2)
    await servers.replicated()
    await servers.primary.kill()
    // A Sentinel on a machine that starves it mistrusts its own clock for half a minute.
    expect(await later.result({ timeout: '120s' })).toBe(4)
    const [first, ...rest] = servers.sentinel
      .cli('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', servers.name)
      .split(/\s+/)
    expect([first, ...rest]).toEqual(['127.0.0.1', String(servers.replica.port)])
    expect(await (await app.double.kiq(3)).result({ timeout: '20s' })).toBe(6)
  }, 180_000)
})
