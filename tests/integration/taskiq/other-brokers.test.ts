import { afterAll, beforeAll, expect, it } from 'vitest'
import { taskiqPickle } from '../../../src/codecs/index.ts'
import { hasOwnRedis } from '../../support/own-redis.ts'
import { describeTaskiq, pythonWith } from '../../support/python-taskiq.ts'
import { ours, TaskiqStage, theirs } from './taskiq-stage.ts'

const environments = await Promise.all([pythonWith('0.12.4'), pythonWith('0.13.0')])

for (const [i, release] of (['0.12.4', '0.13.0'] as const).entries()) {
  const environment = environments[i] ?? { reason: 'there is none' }
  const needs = hasOwnRedis ? environment : { reason: 'there is no redis-server' }
  describeTaskiq(`the other Redis brokers of Python's TaskIQ ${release}`, needs, (python) => {
    let stage: TaskiqStage
    beforeAll(async () => {
      stage = await TaskiqStage.open(python)
    })
    afterAll(() => stage.close())

    it.each(['list', 'pubsub'] as const)('%s: calls and results both ways', async (kind) => {
      const prefix = `${kind}-`
      const broker = stage.broker(
        { resultCodec: taskiqPickle(), queue: `${kind}-${ours}` },
        { taskiq: kind, resultPoll: 20, resultPrefix: prefix },
      )
      broker.task({ name: 'ts.echo' }, async (...args: readonly unknown[]) => args)
      await stage.work(broker)
      const side = await stage.python({ broker: kind, queue: `${kind}-${theirs}`, prefix })
      await side.work()
      const args = [1, 'é 😀', null, { a: [2.5] }]
      const labels = { queue_name: `${kind}-${ours}`, n: 5 }
      // A channel is heard once the worker has subscribed.
      await expect
        .poll(() => stage.redis.cli('PUBSUB', 'NUMSUB', `${kind}-${ours}`, `${kind}-${theirs}`))
        .toMatch(kind === 'pubsub' ? /\n1\n.*\n1$/s : /./)
      const echoed = await side.result(await side.kiq('ts.echo', { args, labels }))
      expect(echoed).toMatchObject({ is_err: false, return_value: args })
      const echo = broker.remoteTask<unknown[], unknown>({
        name: 'py.echo',
        queue: `${kind}-${theirs}`,
      })
      expect(await (await echo.kiq(...args)).result({ timeout: '20s' })).toEqual({
        args,
        kwargs: {},
      })
    })

    it('a list that workers of both empty: each message once', async () => {
      const broker = stage.broker(
        { resultCodec: taskiqPickle(), queue: 'both' },
        { taskiq: 'list', resultPoll: 20 },
      )
      let runs = 0
      const done = broker.task({ name: 'both.done' }, async (_key: string, _name: string) => {
        runs++
        await new Promise((resolve) => setTimeout(resolve, 5))
      })
      const handles = await done.kiqMany(
        Array.from({ length: 60 }, (_, n) => ['both:done', `m${n}`] as const),
      )
      const side = await stage.python({ broker: 'list', queue: 'both' })
      await side.work(2)
      await stage.work(broker, { concurrency: 2, prefetch: 0 })
      for (const handle of handles) await handle.waitResult({ timeout: '20s' })
      expect(runs + Number(stage.redis.cli('SCARD', 'both:done'))).toBe(60)
      expect(stage.redis.cli('LLEN', 'both')).toBe('0')
    })
  })
}
