/** Large batches, and what the ids of entries and the names of consumers do at their edges. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { systemClock } from '../../../src/core/clock.ts'
import { timeOrderedIds } from '../../../src/core/ids.ts'
import { silentLogger } from '../../../src/core/logger.ts'
import { systemRandom } from '../../../src/core/random.ts'
import type { Delivery } from '../../../src/core/delivery.ts'
import type { Transport } from '../../../src/core/transport.ts'
import { redisTransport } from '../../../src/redis/index.ts'
import { describeOwnRedis } from '../../support/describe-own-redis.ts'
import { OwnRedis } from '../../support/own-redis.ts'

const around = { clock: systemClock, random: systemRandom, logger: silentLogger }
const newId = timeOrderedIds(systemClock, systemRandom)
const succeeded = { kind: 'succeeded' } as const
const { signal } = new AbortController()

describeOwnRedis('a stream of Redis', () => {
  let redis: OwnRedis
  const opened: Transport[] = []
  beforeAll(async () => {
    redis = await OwnRedis.start()
  })
  afterAll(async () => {
    await Promise.all(opened.map((transport) => transport.stop()))
    await redis.remove()
  })

  async function open(): Promise<Transport> {
    const { transport } = redisTransport({ url: redis.url }).create(around)
    opened.push(transport)
    await transport.start()
    return transport
  }

  const send = (transport: Transport, queue: string, count: number) =>
    transport.send(
      Array.from({ length: count }, () => {
        const id = newId()
        return { id, queue, priority: 4, body: `{"task_id":"${id}"}`, fresh: true }
      }),
    )

  async function take(transport: Transport, queue: string, count: number, lease = 60_000) {
    const taken: Delivery[] = []
    while (taken.length < count) {
      const room = count - taken.length
      taken.push(...(await transport.receive({ queues: [queue], room, lease, signal })))
    }
    return taken
  }

  const claimOf = ({ id, queue, token }: Delivery) => ({ id, queue, token })

  it('sends, holds, renews, gives back and settles 8,000 in one call each', async () => {
    const transport = await open()
    const count = 8000
    expect(await send(transport, 'many', count)).toEqual(
      Array.from({ length: count }, () => 'stored'),
    )
    const first = await take(transport, 'many', count)
    expect(new Set(first.map(({ id }) => id)).size).toBe(count)
    const renewed = await transport.extend(first.map(claimOf), 60_000)
    expect(renewed.lost).toEqual([])
    const released = await transport.release(first.map(claimOf))
    expect(new Set(released)).toEqual(new Set(['settled']))
    const again = await take(transport, 'many', count)
    const settled = await transport.settle(
      again.map((one) => ({ claim: claimOf(one), outcome: succeeded })),
    )
    expect(settled.filter((status) => status !== 'settled')).toEqual([])
    expect(redis.cli('XLEN', 'many')).toBe('0')
  })

  it('tells entries apart whose numbers cross from 9 to 10, within a millisecond and beyond', async () => {
    const transport = await open()
    redis.cli('XGROUP', 'CREATE', 'edges', 'taskiq', '0', 'MKSTREAM')
    const entries = ['9-9', '9-10', '9-11', '10-0', '99-9', '99-10', '100-0', '999-99', '1000-5']
    for (const entry of entries)
      redis.cli('XADD', 'edges', entry, 'data', `{"task_id":"e${entry}"}`)
    const taken = await take(transport, 'edges', entries.length)
    expect(taken.map(({ id }) => id)).toEqual(entries.map((entry) => `e${entry}`))
    const { lost } = await transport.extend(taken.map(claimOf), 60_000)
    expect(lost).toEqual([])
    const settled = await transport.settle(
      taken.map((one) => ({ claim: claimOf(one), outcome: succeeded })),
    )
    expect(settled).toEqual(entries.map(() => 'settled'))
  })

  it('refuses a holder who comes back after his consumer was removed as dead', async () => {
    const [sleeper, other] = [await open(), await open()]
    const lease = 200
    await send(other, 'sleepy', 3)
    const held = await take(sleeper, 'sleepy', 3, lease)
    // It renews nothing: its leases end, and the other one takes them over.
    const taken = await take(other, 'sleepy', 3)
    expect(taken.map(({ redeliveries }) => redeliveries)).toEqual([1, 1, 1])
    const [consumer = ''] =
      /tw:\S+:200/.exec(redis.cli('XINFO', 'CONSUMERS', 'sleepy', 'taskiq')) ?? []
    redis.cli('XGROUP', 'DELCONSUMER', 'sleepy', 'taskiq', consumer)
    const { lost } = await sleeper.extend(held.map(claimOf), lease)
    expect(lost).toHaveLength(3)
    const late = await sleeper.settle(
      held.map((one) => ({ claim: claimOf(one), outcome: succeeded })),
    )
    expect(late).toEqual(['taken', 'taken', 'taken'])
    // And he may work again, under the same name.
    await send(other, 'sleepy', 1)
    const [fresh] = await take(sleeper, 'sleepy', 1, lease)
    if (fresh === undefined) throw new Error('nothing was received')
    expect(await sleeper.settle([{ claim: claimOf(fresh), outcome: succeeded }])).toEqual([
      'settled',
    ])
    const ended = await other.settle(
      taken.map((one) => ({ claim: claimOf(one), outcome: succeeded })),
    )
    expect(ended).toEqual(['settled', 'settled', 'settled'])
  })
})
