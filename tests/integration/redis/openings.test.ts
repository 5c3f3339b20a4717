/** A store that cannot be opened: the program is told why, soon, and whether trying again may help. */
import { expect, it } from 'vitest'
import { createBroker, silentLogger, StoreError } from '../../../src/index.ts'
import { redisTransport, type RedisOptions } from '../../../src/redis/index.ts'
import { describeOwnRedis, ownServers } from '../../support/describe-own-redis.ts'

describeOwnRedis('what cannot be opened', () => {
  const server = ownServers()

  const refused = async (place: RedisOptions): Promise<StoreError> => {
    const broker = createBroker({ transport: redisTransport(place), logger: silentLogger })
    const error = await broker.start().catch((failure: unknown) => failure)
    await broker.stop()
    expect(error).toBeInstanceOf(StoreError)
    return error as StoreError
  }

  it.each<[string, RedisOptions, RegExp]>([
    ['a port on which nobody listens', { url: 'redis://127.0.0.1:1' }, /ECONNREFUSED/],
    ['a host that nobody knows', { url: 'redis://nowhere.invalid' }, /ENOTFOUND|EAI_AGAIN/],
    [
      'Sentinels that are away',
      { options: { sentinels: [{ host: '127.0.0.1', port: 1 }], name: 'main' } },
      /[Ss]entinels are unreachable/,
    ],
    [
      'a cluster that is away',
      { cluster: { nodes: [{ host: '127.0.0.1', port: 1 }] }, tag: 'app' },
      /None of startup nodes/,
    ],
  ])('%s: it may be there later', async (_, place, why) => {
    const error = await refused(place)
    expect(error.message).toMatch(why)
    expect(error.transient).toBe(true)
  })

  it('a wrong password, and none: it has to be mended', async () => {
    const redis = await server(['--requirepass', 'secret'])
    const wrong = await refused({ url: redis.url.replace('//', '//:guess@') })
    expect(wrong.message).toMatch(/WRONGPASS.*password is wrong/)
    const none = await refused({ url: redis.url })
    expect(none.message).toMatch(/NOAUTH.*give a user name and password/)
    expect([wrong.transient, none.transient]).toEqual([false, false])
  })

  it('a database that is not there is not taken for the first one', async () => {
    const redis = await server()
    const error = await refused({ url: `${redis.url}/99` })
    expect(error.message).toMatch(/DB index is out of range/)
    expect(error.transient).toBe(false)
    expect(redis.cli('DBSIZE')).toBe('0')
  })
})
