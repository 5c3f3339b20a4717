/** What Redis refuses comes out as an error that says what to do, or is asked again; nothing is lost by it. */
import { beforeEach, expect, it } from 'vitest'
import { systemClock } from '../../../src/core/clock.ts'
import type { Delivery } from '../../../src/core/delivery.ts'
import { silentLogger } from '../../../src/core/logger.ts'
import { systemRandom } from '../../../src/core/random.ts'
import type { Transport } from '../../../src/core/transport.ts'
import { redisTransport } from '../../../src/redis/index.ts'
import { describeOwnRedis, ownServers } from '../../support/describe-own-redis.ts'
import type { OwnRedis } from '../../support/own-redis.ts'

const around = { clock: systemClock, random: systemRandom, logger: silentLogger }
const message = (id: string) => ({ id, queue: 'q', priority: 4, body: `{"task_id":"${id}"}` })

describeOwnRedis('a server that refuses', () => {
  const server = ownServers()
  let redis: OwnRedis
  let transport: Transport

  beforeEach(async () => {
    redis = await server()
    ;({ transport } = redisTransport({ url: redis.url }).create(around))
    await transport.start()
    await transport.send([message('before')])
    return () => transport.stop()
  })

  const signal = new AbortController().signal
  const receive = (room = 10): Promise<readonly Delivery[]> =>
    transport.receive({ queues: ['q'], room, lease: 30_000, signal, wait: 0 })
  const finish = (claims: readonly Delivery[]) =>
    transport.settle(
      claims.map((claim) => ({
        claim,
        outcome: { kind: 'succeeded' } as const,
        result: { id: claim.id, body: 'done', expiresIn: 60_000 },
      })),
    )
  const failure = (what: Promise<unknown>): Promise<unknown> =>
    what.then(
      () => 'no failure',
      (error: unknown) => error,
    )
  /** What was refused is sent again under its id, and everything is there once. */
  const nothingLost = async (): Promise<void> => {
    await transport.send([message('refused')])
    const got = await receive()
    expect(got.map(({ id }) => id).sort()).toEqual(['before', 'refused'])
    expect(await finish(got)).toEqual(['settled', 'settled'])
  }

  const refusals = {
    'its memory is full (OOM)': {
      refuse: async () => void redis.cli('CONFIG', 'SET', 'maxmemory', '1'),
      mend: async () => void redis.cli('CONFIG', 'SET', 'maxmemory', '0'),
      says: { code: 'STORE_FULL', message: /OOM.*nothing was written.*drain the queue/s },
    },
    'a snapshot has failed (MISCONF)': {
      refuse: () => redis.failSnapshot(),
      mend: () => redis.mendSnapshot(),
      says: { code: 'STORE', message: /MISCONF.*look at its disk and its log/s },
    },
    'it is a replica now (READONLY)': {
      refuse: async () => void redis.cli('REPLICAOF', '127.0.0.1', '1'),
      mend: async () => void redis.cli('REPLICAOF', 'NO', 'ONE'),
      says: { code: 'STORE', message: /READONLY.*finds the new primary/s },
    },
    'it has too few replicas (NOREPLICAS)': {
      refuse: async () => void redis.cli('CONFIG', 'SET', 'min-replicas-to-write', '1'),
      mend: async () => void redis.cli('CONFIG', 'SET', 'min-replicas-to-write', '0'),
      says: { code: 'STORE', message: /NOREPLICAS.*too few replicas/s },
    },
  }
  for (const [why, { refuse, mend, says }] of Object.entries(refusals)) {
    it(`says what is wrong when ${why}, and loses nothing`, async () => {
      const held = await receive()
      await transport.release(held)
      await refuse()
      const { code, message: text } = says
      expect(await failure(transport.send([message('refused')]))).toMatchObject({
        code,
        transient: true,
        message: expect.stringMatching(text),
      })
      await mend()
      await nothingLost()
    })

    it(`settles afterwards what it could not while ${why}`, async () => {
      const held = await receive()
      expect(held).toHaveLength(1)
      await refuse()
      expect(await failure(finish(held))).toMatchObject({ transient: true })
      await mend()
      expect(redis.cli('XPENDING', 'q', 'taskiq')).toMatch(/^1\n/)
      expect(await finish(held)).toEqual(['settled'])
      expect(await finish(held)).toEqual(['gone'])
    })
  }

  it('needs no script to be known (SCRIPT FLUSH)', async () => {
    const flushed = <T>(what: () => Promise<T>): Promise<T> => {
      redis.cli('SCRIPT', 'FLUSH')
      return what()
    }
    await flushed(() => transport.send([{ ...message('later'), delay: 60_000 }]))
    const [held] = await flushed(() => receive())
    if (held === undefined) throw new Error('nothing came')
    expect(await flushed(() => transport.extend([held], 30_000))).toMatchObject({ lost: [] })
    expect(await flushed(() => transport.recover([held.token], 30_000))).toEqual([])
    expect(await flushed(() => transport.release([held]))).toEqual(['settled'])
    const again = await flushed(() => receive())
    expect(await flushed(() => finish(again))).toEqual(['settled'])
    const options = { reason: 'why', lease: 30_000 }
    expect(await flushed(() => transport.cancel(['later'], options))).toMatchObject([
      { state: 'waiting' },
    ])
  })

  it('names a key that holds something of another program, and does not ask again', async () => {
    redis.cli('SET', 'other', 'theirs')
    const sent = transport.send([{ ...message('refused'), queue: 'other' }])
    expect(await failure(sent)).toMatchObject({
      transient: false,
      message: expect.stringMatching(/WRONGTYPE.*another program.*prefix/s),
    })
    expect(redis.cli('GET', 'other')).toBe('theirs')
    await nothingLost()
  })

  it('drains while its memory is full, where there is no result to keep', async () => {
    const held = await receive()
    redis.cli('CONFIG', 'SET', 'maxmemory', '1')
    const ended = held.map((claim) => ({ claim, outcome: { kind: 'succeeded' } as const }))
    expect(await transport.settle(ended)).toEqual(['settled'])
  })

  it('goes on when the stream is deleted under a read and under a claim', async () => {
    await finish(await receive())
    await transport.send([{ ...message('held'), fresh: true }])
    const held = await receive()
    const reading = transport.receive({ queues: ['q'], room: 1, lease: 30_000, signal })
    redis.cli('DEL', 'q')
    expect(await finish(held)).toEqual(['gone'])
    expect(await transport.extend(held, 30_000)).toMatchObject({ lost: [{ id: 'held' }] })
    await transport.send([message('after')])
    const got = await reading
    expect(got.map(({ id }) => id)).toEqual(['after'])
    expect(await finish(got)).toEqual(['settled'])
  })
})
