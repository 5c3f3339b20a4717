/** What many plans that are due at once ask of Redis: many short scripts, no long one. */
import { afterEach, expect, it } from 'vitest'
import { systemClock } from '../../../src/core/clock.ts'
import type { Fire } from '../../../src/core/fire-ledger.ts'
import { timeOrderedIds } from '../../../src/core/ids.ts'
import { silentLogger } from '../../../src/core/logger.ts'
import { systemRandom } from '../../../src/core/random.ts'
import type { OpenTransport } from '../../../src/core/vendor.ts'
import { redisTransport } from '../../../src/redis/index.ts'
import { describeOwnRedis, ownServers } from '../../support/describe-own-redis.ts'
import type { OwnRedis } from '../../support/own-redis.ts'

const newId = timeOrderedIds(systemClock, systemRandom)

/** How many scripts a server has run. */
function scripts(redis: OwnRedis): number {
  return Number(/cmdstat_evalsha:calls=(\d+)/.exec(redis.cli('INFO', 'commandstats'))?.[1] ?? 0)
}

describeOwnRedis('fires of many plans', () => {
  const server = ownServers()
  const opened: OpenTransport[] = []
  afterEach(async () => {
    for (const { transport } of opened.splice(0)) await transport.stop()
  })

  /** A ledger that knows these plans, and a fire of each, with a body of so many bytes. */
  async function stage(count: number, bytes: number) {
    const redis = await server()
    const around = { clock: systemClock, random: systemRandom, logger: silentLogger }
    const open = redisTransport({ url: redis.url }).create(around)
    opened.push(open)
    await open.transport.start()
    const { ledger } = open
    if (ledger === undefined) throw new Error('no ledger')
    const mark = Date.now() - 60_000
    const ids = Array.from({ length: count }, (_, i) => `plan:${i}`)
    await ledger.adopt(ids.map((id) => ({ id, print: 'p', mark, anchor: mark })))
    const fires = ids.map((id): Fire => ({
      id,
      slot: mark + 1000,
      missed: 0,
      envelope: { id: newId(), queue: 'q', priority: 4, body: 'x'.repeat(bytes) },
    }))
    // The script is known to the server before scripts are counted.
    const [first, ...rest] = fires
    await ledger.fire(first === undefined ? [] : [first])
    return { redis, ledger, fires: rest }
  }

  it('a script decides 25 slots at most', async () => {
    const { redis, ledger, fires } = await stage(1001, 10)
    const before = scripts(redis)
    expect(new Set(await ledger.fire(fires))).toEqual(new Set(['fired']))
    expect(scripts(redis) - before).toBe(1000 / 25)
  })

  it('a script stores 256 KiB of messages at most, or one message', async () => {
    const { redis, ledger, fires } = await stage(21, 100_000)
    const before = scripts(redis)
    expect(new Set(await ledger.fire(fires))).toEqual(new Set(['fired']))
    expect(scripts(redis) - before).toBe(20 / 2)
  })
})
