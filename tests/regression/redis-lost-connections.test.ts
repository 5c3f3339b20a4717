/** Calls of a connection that was lost, or is dead without a word, come back as errors: nobody waits for ever. */
import { afterEach, expect, it } from 'vitest'
import { RedisConnector } from '../../src/connections/redis/redis-connector.ts'
import type { RedisLink } from '../../src/connections/redis/redis-link.ts'
import { sleep, systemClock } from '../../src/core/clock.ts'
import { StoreError } from '../../src/core/errors.ts'
import { systemRandom } from '../../src/core/random.ts'
import { SignalBell } from '../../src/coalescing/signal-bell.ts'
import { Subscriber } from '../../src/redis/subscriber.ts'
import { FaultProxy } from '../faults/fault-proxy.ts'
import { describeOwnRedis, ownServers } from '../support/describe-own-redis.ts'

describeOwnRedis('a connection to Redis', () => {
  const server = ownServers()
  const links: RedisLink[] = []
  afterEach(() => {
    for (const link of links.splice(0)) link.cut()
  })

  async function open(url: string, blocking = false): Promise<RedisLink> {
    const link = await new RedisConnector({ url }, systemRandom).link({ name: 'test', blocking })
    links.push(link)
    await link.open()
    return link
  }

  it('fails a read that blocks when it is killed, and works again', async () => {
    const redis = await server()
    const link = await open(redis.url, true)
    const failed = link.call('BLPOP', ['nothing', 10]).catch((error: unknown) => error)
    while (!redis.cli('CLIENT', 'LIST').includes('cmd=blpop')) await sleep(systemClock, 10)
    redis.cli('CLIENT', 'KILL', 'TYPE', 'normal')
    expect(await failed).toBeInstanceOf(StoreError)
    expect(await link.call('PING', [])).toBe('PONG')
  })

  it('fails what is under way when it is closed, though the other side is silent', async () => {
    const redis = await server()
    const proxy = await FaultProxy.open({ port: redis.port })
    const link = await open(`redis://127.0.0.1:${proxy.port}`)
    proxy.set({ stalled: ['up', 'down'] })
    const failed = link.call('PING', []).catch((error: unknown) => String(error))
    link.cut()
    expect(await failed).toContain('the connection to Redis was closed')
    await proxy.close()
  })

  it('hears again after its connection was lost, and nobody dies of one that is lost while it subscribes', async () => {
    const redis = await server()
    const connector = new RedisConnector({ url: redis.url }, systemRandom)
    const link = await connector.link({ name: 'hears' })
    links.push(link)
    await link.open()
    await link.subscribe('news')
    const heard = new Promise<string>((resolve) => {
      link.client.on('message', (_channel: string, text: string) => resolve(text))
    })
    redis.cli('CLIENT', 'KILL', 'TYPE', 'pubsub')
    while (redis.cli('PUBSUB', 'NUMSUB', 'news') !== 'news\n1') await sleep(systemClock, 10)
    redis.cli('PUBLISH', 'news', 'again')
    expect(await heard).toBe('again')
  })

  it('leaves no connection behind that could not subscribe', async () => {
    const redis = await server()
    redis.cli('ACL', 'SETUSER', 'default', 'on', 'nopass', '~*', '+@all', '-subscribe')
    const connector = new RedisConnector({ url: redis.url }, systemRandom)
    const on = { connector, app: 'tw:', instance: 'me', work: new SignalBell() }
    const subscriber = new Subscriber(on)
    await expect(subscriber.hearWork()).rejects.toThrow(/subscribe/)
    await expect(subscriber.hearWork()).rejects.toThrow(/subscribe/)
    await subscriber.close()
    while (redis.cli('CLIENT', 'LIST').includes(':hears')) await sleep(systemClock, 10)
    expect(redis.cli('CLIENT', 'LIST')).not.toContain(':hears')
  })
})
