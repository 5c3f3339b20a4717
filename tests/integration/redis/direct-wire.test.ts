/** Commands that go past ioredis, on its socket: the same answers, and nothing waits for ever. */
import { Redis } from 'ioredis'
import { Redis as Redis5 } from 'ioredis-5'
import { beforeEach, describe, expect, it } from 'vitest'
import type { RedisClient } from '../../../src/connections/redis/redis-client.ts'
import { RedisLink } from '../../../src/connections/redis/redis-link.ts'
import { describeOwnRedis, ownServers } from '../../support/describe-own-redis.ts'
import type { OwnRedis } from '../../support/own-redis.ts'

interface RedisOptions {
  readonly lazyConnect: boolean
  readonly commandTimeout: number
  readonly protocol: 2
  readonly autoResendUnfulfilledCommands: boolean
  readonly retryStrategy: () => number
}

describeOwnRedis('a direct wire', () => {
  const server = ownServers()
  let redis: OwnRedis

  it('leaves a client alone that speaks another protocol, or whose socket somebody else reads', async () => {
    redis ??= await server()
    for (const change of ['protocol', 'reader'] as const) {
      const made: unknown = new Redis(redis.url, {
        lazyConnect: true,
        protocol: change === 'protocol' ? 3 : 2,
      })
      const client = made as RedisClient
      const link = new RedisLink(client, { where: 'test', direct: true })
      await link.open()
      if (change === 'reader') client.stream?.on('data', () => {})
      let calls = 0
      const call = client.call.bind(client)
      client.call = (command, ...args) => {
        calls++
        return call(command, ...args)
      }
      for (const text of ['one', 'two']) expect(await link.call('ECHO', [text])).toBe(text)
      expect(calls).toBe(2)
      await link.close()
    }
  })

  describe.each([
    { version: '5.4', open: (url: string, options: RedisOptions) => new Redis5(url, options) },
    { version: '6', open: (url: string, options: RedisOptions) => new Redis(url, options) },
  ])('on ioredis $version', ({ open }) => {
    let client: RedisClient
    let link: RedisLink
    /** What was said by way of the client. */
    let calls: number

    beforeEach(async () => {
      redis ??= await server()
      const made: unknown = open(redis.url, {
        lazyConnect: true,
        commandTimeout: 300,
        protocol: 2,
        autoResendUnfulfilledCommands: false,
        retryStrategy: () => 10,
      })
      client = made as RedisClient
      calls = 0
      const call = client.call.bind(client)
      client.call = (command, ...args) => {
        calls++
        return call(command, ...args)
      }
      link = new RedisLink(client, { where: 'test', direct: true })
      await link.open()
      await link.call('FLUSHALL', [])
      return () => link.close()
    })

    const other = async (command: string, ...args: string[]): Promise<void> => {
      const control = new Redis(redis.url)
      await control.call(command, ...args)
      control.disconnect()
    }

    it('goes past the client from its second call on', async () => {
      expect(calls).toBe(1)
      expect(await link.call('SET', ['a', 'ä€😀'])).toBe('OK')
      expect(await link.call('GET', ['a'])).toBe('ä€😀')
      expect(await link.callBytes('GET', ['a'])).toEqual(Buffer.from('ä€😀'))
      expect(await link.call('GET', ['nothing'])).toBeNull()
      expect(await link.call('STRLEN', ['a'])).toBe(9)
      expect(calls).toBe(1)
    })

    it('sends bytes as they are, and numbers', async () => {
      const bytes = Uint8Array.from([0, 255, 13, 10, 36])
      await Promise.all([
        link.call('RPUSH', ['list', bytes, 12, 'text', bytes]),
        link.call('SET', ['after', 1.5]),
      ])
      expect(await link.callBytes('LRANGE', ['list', 0, -1])).toEqual(
        [bytes, '12', 'text', bytes].map((one) => Buffer.from(one)),
      )
      expect(await link.call('GET', ['after'])).toBe('1.5')
    })

    it('answers each call in its order, also large ones', async () => {
      const large = 'x'.repeat(3_000_000)
      await link.call('SET', ['large', large])
      const answers = await Promise.all([
        link.call('ECHO', ['first']),
        link.call('GET', ['large']),
        link.call('EVAL', ['return {1, {"two", false}, {err = "ERR three"}}', 0]),
        link.call('ECHO', ['last']),
      ])
      expect(answers[0]).toBe('first')
      expect(answers[1]).toBe(large)
      expect(answers[2]).toMatchObject([1, ['two', null], { message: 'ERR three' }])
      expect(answers[3]).toBe('last')
    })

    it('fails for what Redis refuses, and for that alone', async () => {
      const [refused, fine] = await Promise.allSettled([
        link.call('LPUSH', ['a']),
        link.call('ECHO', ['fine']),
      ])
      expect(refused).toMatchObject({ reason: { code: 'STORE', transient: false } })
      expect(fine).toMatchObject({ value: 'fine' })
    })

    it('fails what is under way when the connection is lost, and goes on with the next', async () => {
      const closed = new Promise<void>((resolve) => client.once('close', () => resolve()))
      const ready = closed.then(
        () => new Promise<void>((resolve) => client.once('ready', () => resolve())),
      )
      const waiting = link.call('BLPOP', ['never', 0])
      const killed = other('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
      await expect(waiting).rejects.toMatchObject({ code: 'STORE', transient: true })
      await killed
      // While there is no connection, calls wait for the next one.
      expect(await link.call('ECHO', ['again'])).toBe('again')
      await ready
      const before = calls
      expect(await link.call('ECHO', ['direct'])).toBe('direct')
      expect(calls).toBe(before)
    })

    it('gives a connection up on which nothing is answered', async () => {
      const closed = new Promise<void>((resolve) => client.once('close', () => resolve()))
      const slow = link.call('BLPOP', ['never', 0])
      const behind = link.call('ECHO', ['behind'])
      await expect(slow).rejects.toThrow('Command timed out')
      await expect(behind).rejects.toMatchObject({ transient: true })
      await closed
      expect(await link.call('ECHO', ['again'])).toBe('again')
    })

    it('waits for what stands behind others while these are answered', async () => {
      const busy = `local function now() local t = redis.call('TIME') return t[1] * 1000 + t[2] / 1000 end
        local from = now() repeat until now() - from >= 100 return ARGV[1]`
      // Redis answers all that it has read at once together: it is to read them one by one.
      const large = 'x'.repeat(200_000)
      const calls = [1, 2, 3, 4, 5].map((i) => link.call('EVAL', [busy, 0, i, large]))
      expect(await Promise.all(calls)).toEqual(['1', '2', '3', '4', '5'])
    })

    it('answers what is under way before it closes', async () => {
      const last = link.call('ECHO', ['last'])
      await link.close()
      expect(await last).toBe('last')
      await expect(link.call('ECHO', ['late'])).rejects.toMatchObject({ code: 'NOT_STARTED' })
    })

    it('fails what is under way when it is cut', async () => {
      const waiting = link.call('BLPOP', ['never', 0])
      link.cut()
      await expect(waiting).rejects.toMatchObject({ code: 'NOT_STARTED' })
    })
  })
})
