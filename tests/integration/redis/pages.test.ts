/** Looking into a long queue costs what is shown, not what is stored. */
import { expect, it } from 'vitest'
import { systemClock, type Clock } from '../../../src/core/clock.ts'
import { timeOrderedIds } from '../../../src/core/ids.ts'
import { silentLogger } from '../../../src/core/logger.ts'
import { systemRandom } from '../../../src/core/random.ts'
import { redisTransport } from '../../../src/redis/index.ts'
import { describeOwnRedis, ownServers } from '../../support/describe-own-redis.ts'
import type { OwnRedis } from '../../support/own-redis.ts'

const around = { clock: systemClock, random: systemRandom, logger: silentLogger }
const batch = 1000

/** A producer whose clock is wrong by so many milliseconds. */
async function producer(redis: OwnRedis, wrong: number) {
  const clock: Clock = { ...systemClock, now: () => systemClock.now() + wrong }
  const drawn = timeOrderedIds(clock, systemRandom)
  const { transport } = redisTransport({ url: redis.url }).create(around)
  await transport.start()
  return {
    transport,
    async send(count: number): Promise<string[]> {
      const envelopes = Array.from({ length: count }, () => {
        const id = drawn()
        return { id, fresh: true, queue: 'q', priority: 4, body: `{"task_id":"${id}"}` } as const
      })
      await transport.send(envelopes)
      return envelopes.map(({ id }) => id)
    },
  }
}

/** How many entries of streams were read, and how many calls that took, since the last reset. */
function reads(redis: OwnRedis): { calls: number; entries: number } {
  const slow = redis.cli('INFO', 'commandstats')
  const calls = [...slow.matchAll(/cmdstat_x(?:rev)?range:calls=(\d+)/g)]
  const log = redis.cli('SLOWLOG', 'GET', '-1')
  const counts = [...log.matchAll(/COUNT\s+(?:\d+\)\s*)?"?(\d+)/g)]
  return {
    calls: calls.reduce((sum, [, count]) => sum + Number(count), 0),
    entries: counts.reduce((sum, [, count]) => sum + Number(count), 0),
  }
}

function forget(redis: OwnRedis): void {
  redis.cli('CONFIG', 'RESETSTAT')
  redis.cli('SLOWLOG', 'RESET')
}

const logged = ['--slowlog-log-slower-than', '0', '--slowlog-max-len', '10000']

describeOwnRedis('a queue of 60,000 messages', () => {
  const server = ownServers()

  it.each([
    ['are right', [0], 5000],
    ['are an hour late', [-3_600_000], 5000],
    // It stands somewhere among what was sent within that difference.
    ['are a second apart', [0, 1000], 80_000],
  ])('is searched for an id with few reads, where the clocks of senders %s', async (...of) => {
    const [, wrong, most] = of
    const redis = await server(logged)
    const producers = await Promise.all(wrong.map((ms) => producer(redis, ms)))
    const ids: string[] = []
    for (let sent = 0; sent < 60; sent++) {
      const one = producers[sent % producers.length]
      ids.push(...((await one?.send(batch)) ?? []))
    }
    const { transport, inspector } = redisTransport({ url: redis.url }).create(around)
    await transport.start()
    for (const at of [0, 31_234, 45_678, 59_999]) {
      forget(redis)
      expect(await inspector?.states([ids[at] ?? ''])).toEqual(['queued'])
      expect(reads(redis).entries).toBeLessThan(most)
    }
    await Promise.all([transport.stop(), ...producers.map((one) => one.transport.stop())])
  })

  it('is paged through where the last page ended', async () => {
    const redis = await server(logged)
    const one = await producer(redis, 0)
    const ids: string[] = []
    for (let sent = 0; sent < 60; sent++) ids.push(...(await one.send(batch)))
    const { transport, inspector } = redisTransport({ url: redis.url }).create(around)
    await transport.start()
    const first = await inspector?.peek('q', { limit: 50_000 })
    expect(first?.map(({ id }) => id)).toEqual(ids.slice(0, 50_000))
    forget(redis)
    const page = await inspector?.peek('q', { limit: 100, after: ids[49_999] })
    expect(page?.map(({ id }) => id)).toEqual(ids.slice(50_000, 50_100))
    expect(reads(redis)).toEqual({ calls: 1, entries: 100 })
    await Promise.all([transport.stop(), one.transport.stop()])
  })
})
