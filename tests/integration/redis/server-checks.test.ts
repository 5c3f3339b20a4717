/** Servers that are not fit to hold messages are refused or warned of, in words. */
import { expect, it } from 'vitest'
import { systemClock, type Clock } from '../../../src/core/clock.ts'
import { StoreError } from '../../../src/core/errors.ts'
import { logTo } from '../../../src/core/logger.ts'
import type { OpenTransport } from '../../../src/core/vendor.ts'
import { systemRandom } from '../../../src/core/random.ts'
import { redisTransport, type RedisOptions } from '../../../src/redis/index.ts'
import { describeOwnRedis, ownServers } from '../../support/describe-own-redis.ts'
import type { OwnRedis } from '../../support/own-redis.ts'

describeOwnRedis('a transport that starts', () => {
  const server = ownServers()
  const durable = ['--appendonly', 'yes']

  /** A transport on a server, and what it said. */
  function open(redis: OwnRedis, options: Partial<RedisOptions> = {}, clock: Clock = systemClock) {
    const said: string[] = []
    let hear: () => void = () => {}
    const alarm = new Promise<void>((resolve) => (hear = resolve))
    const logger = logTo((level, message) => {
      said.push(`${level}: ${message}`)
      if (level === 'error') hear()
    })
    const factory = redisTransport({
      ...(options.options === undefined ? { url: redis.url } : {}),
      ...options,
    })
    const opened: OpenTransport = factory.create({ clock, random: systemRandom, logger })
    return { ...opened, said, alarm }
  }

  /** What a start comes to: what was said, or why it was refused. */
  async function start(
    redis: OwnRedis,
    options?: Partial<RedisOptions>,
    clock?: Clock,
  ): Promise<string[]> {
    const { transport, said } = open(redis, options, clock)
    try {
      await transport.start()
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
      return [...said, `refused: ${error.message}`]
    } finally {
      await transport.stop()
    }
    return said
  }

  it('says nothing of a server that is fit', async () => {
    expect(await start(await server(durable))).toEqual([])
  })

  it('warns of persistence that is off, and says that snapshots may be old', async () => {
    const off = await start(await server())
    expect(off).toEqual([expect.stringMatching(/^warn: Redis at .*persistence is off/)])
    const snapshots = await start(await server(['--save', '3600 1']))
    expect(snapshots).toEqual([expect.stringMatching(/^info: .*by snapshots only/)])
  })

  it('refuses a server that throws messages away, unless it is told to use it', async () => {
    const redis = await server([
      ...durable,
      ...['--maxmemory', '50mb', '--maxmemory-policy', 'allkeys-lru'],
    ])
    expect(await start(redis)).toEqual([
      expect.stringMatching(/^refused: .*allkeys-lru.*noeviction.*allowEviction/s),
    ])
    expect(await start(redis, { allowEviction: true })).toEqual([
      expect.stringMatching(/^warn: .*allkeys-lru/),
    ])
    redis.cli('CONFIG', 'SET', 'maxmemory-policy', 'volatile-lru')
    expect(await start(redis)).toEqual([expect.stringMatching(/^warn: .*results are thrown away/)])
  })

  it('warns of clocks that differ', async () => {
    const redis = await server(durable)
    const late: Clock = { ...systemClock, now: () => systemClock.now() - 60_000 }
    expect(await start(redis, {}, late)).toEqual([
      expect.stringMatching(/^warn: .*60 s ahead of this machine/),
    ])
  })

  it('names the commands that an ACL user lacks', async () => {
    const redis = await server(durable)
    const as = (...rules: string[]) => {
      redis.cli('ACL', 'SETUSER', 'worker', 'reset', 'on', '>secret', ...rules)
      const options = {
        host: '127.0.0.1',
        port: redis.port,
        username: 'worker',
        password: 'secret',
      }
      return start(redis, { options })
    }
    expect(await as('~*', '&*', '+@all', '-xclaim', '-hset')).toEqual([
      expect.stringMatching(/^refused: .*may not run xclaim, hset\..*\+xclaim \+hset/),
    ])
    expect(await as('~*', '&*', '+@all', '-client')).toEqual([
      expect.stringMatching(/^refused: .*'client\|unblock'/),
    ])
    expect(await as('~*', '&*', '+@all', '-evalsha')).toEqual([
      expect.stringMatching(/^refused: .*'evalsha'/),
    ])
    expect(await as('~other:*', '&*', '+@all')).toEqual([
      expect.stringMatching(/^refused: .*access one of the keys/),
    ])
    expect(await as('~tw:*', '&*', '+@all')).toEqual([
      expect.stringMatching(/^refused: .*may not use all keys.*tw:\*/),
    ])
    expect(await as('~*', '&*', '+@all', '-info')).toEqual([
      expect.stringMatching(/^warn: .*does not answer INFO/),
    ])
  })

  it('names the commands of lists that are lacking, where queues are lists', async () => {
    const redis = await server(durable)
    redis.cli('ACL', 'SETUSER', 'worker', 'on', '>secret', '~*', '&*', '+@all', '-lrem', '-rpop')
    const options = { host: '127.0.0.1', port: redis.port, username: 'worker', password: 'secret' }
    expect(await start(redis, { options, taskiq: 'list' })).toEqual([
      expect.stringMatching(/^refused: .*may not run rpop, lrem\..*\+rpop \+lrem/),
    ])
    redis.cli('ACL', 'SETUSER', 'worker', '+@all', '-blmove')
    expect(await start(redis, { options, taskiq: 'list' })).toEqual([
      expect.stringMatching(/^refused: .*'blmove'/),
    ])
    expect(await start(redis, { options })).toEqual([])
    expect(redis.cli('EXISTS', 'tw:probe')).toBe('0')
  })

  it('stops soon when the server is gone', async () => {
    const redis = await server(durable)
    const { transport } = open(redis)
    await transport.start()
    await transport.send([{ id: 'one', queue: 'q', priority: 4, body: '{"task_id":"one"}' }])
    const { signal } = new AbortController()
    const [claim] = await transport.receive({
      queues: ['q'],
      room: 1,
      lease: 1000,
      signal,
      wait: 0,
    })
    expect(claim?.id).toBe('one')
    await redis.kill()
    const begun = systemClock.monotonic()
    await transport.stop()
    expect(systemClock.monotonic() - begun).toBeLessThan(3000)
  })

  it('runs with the rights that the guide lists', async () => {
    const redis = await server(durable)
    const rules = ['~*', '&*', '+@read', '+@write', '+@stream', '+@scripting', '+@pubsub']
    redis.cli(
      'ACL',
      'SETUSER',
      'worker',
      'on',
      '>secret',
      ...rules,
      '+@connection',
      '+info',
      '+time',
    )
    const options = { host: '127.0.0.1', port: redis.port, username: 'worker', password: 'secret' }
    expect(await start(redis, { options })).toEqual([])
  })

  it('refuses keys of a newer layout, and leaves them as they are', async () => {
    const redis = await server(durable)
    redis.cli('HSET', 'tw:store', 'schema', '99', 'epoch', 'theirs')
    expect(await start(redis)).toEqual([
      expect.stringMatching(/^refused: .*newer Taskwright \(schema 99.*Update/),
    ])
    expect(redis.cli('HGETALL', 'tw:store')).toBe('schema\n99\nepoch\ntheirs')
    expect(redis.cli('DBSIZE')).toBe('1')
  })

  it('leaves no key behind but the one that says what it is', async () => {
    const redis = await server(durable)
    await start(redis)
    expect(redis.cli('KEYS', '*')).toBe('tw:store')
    expect(redis.cli('HGET', 'tw:store', 'schema')).toBe('1')
    const epoch = redis.cli('HGET', 'tw:store', 'epoch')
    await start(redis)
    expect(redis.cli('HGET', 'tw:store', 'epoch')).toBe(epoch)
  })

  it('starts on a full store, so that it can be drained', async () => {
    const redis = await server([...durable, '--maxmemory', '1mb'])
    expect(await start(redis)).toEqual([])
  })

  it('notices FLUSHALL, says so once, and goes on', async () => {
    const redis = await server(durable)
    // Ten times as fast, so that the watch looks soon.
    const fast: Clock = {
      ...systemClock,
      after: (ms, run, options) => systemClock.after(ms / 20, run, options),
    }
    const { transport, said, alarm } = open(redis, {}, fast)
    await transport.start()
    const send = (id: string) =>
      transport.send([{ id, queue: 'q', priority: 4, body: `{"task_id":"${id}"}` }])
    const receive = (signal = new AbortController().signal) =>
      transport.receive({ queues: ['q'], room: 1, lease: 5000, wait: 5000, signal })
    try {
      await send('a')
      const [first] = await receive()
      expect(first?.id).toBe('a')
      const waiting = receive()
      redis.cli('FLUSHALL')
      await alarm
      expect(said).toEqual([expect.stringMatching(/^error: .*has been emptied/)])
      if (first === undefined) throw new Error('nothing was received')
      const claim = { id: first.id, queue: 'q', token: first.token }
      const outcome = { kind: 'succeeded' } as const
      expect(await transport.settle([{ claim, outcome }])).toEqual(['gone'])
      await send('b')
      expect((await waiting).map(({ id }) => id)).toEqual(['b'])
      expect(redis.cli('HGET', 'tw:store', 'schema')).toBe('1')
    } finally {
      await transport.stop()
    }
    expect(said).toHaveLength(1)
  })
})
