/** Pipelines whose steps are taken by workers of both languages. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { taskiqPickle } from '../../../src/codecs/index.ts'
import { Pipeline } from '../../../src/index.ts'
import { hasOwnRedis } from '../../support/own-redis.ts'
import { describeTaskiq, pythonWith } from '../../support/python-taskiq.ts'
import { TaskiqStage, theirs } from './taskiq-stage.ts'

const environments = await Promise.all([pythonWith('0.12.4'), pythonWith('0.13.0')])

for (const [i, release] of (['0.12.4', '0.13.0'] as const).entries()) {
  const environment = environments[i] ?? { reason: 'there is none' }
  const needs = hasOwnRedis ? environment : { reason: 'there is no redis-server' }
  describeTaskiq(`pipelines of TypeScript and Python's TaskIQ ${release}`, needs, (python) => {
    let stage: TaskiqStage

    beforeAll(async () => {
      stage = await TaskiqStage.open(python)
    })
    afterAll(() => stage.close())

    it('sent by TypeScript: Python takes some steps, in its own queue', async () => {
      const broker = stage.broker({ resultCodec: taskiqPickle() }, { resultPoll: 20 })
      const list = broker.task('ts.list', async (n: number) =>
        Array.from({ length: n }, (_, k) => k),
      )
      const sum = broker.task('ts.sum', async (ns: number[]) => ns.reduce((a, b) => a + b, 0))
      const double = broker.remoteTask<[number], number>({ name: 'py.double', queue: theirs })
      const fail = broker.remoteTask<[number], number>({ name: 'py.fail', queue: theirs })
      const side = await stage.python()
      await side.work()
      await stage.work(broker)
      const steps = new Pipeline(broker, list).map(double).callNext(sum).callNext(double)
      expect(await (await steps.kiq(4)).result({ timeout: '20s' })).toBe(24)
      const failing = await new Pipeline(broker, sum).callNext(fail).callNext(double).kiq([1])
      await expect(failing.result({ timeout: '20s' })).rejects.toMatchObject({
        code: 'TASK_FAILED',
      })
    })

    it('sent by Python: either takes whichever step comes to it', async () => {
      const queue = 'both-pipes'
      const broker = stage.broker({ resultCodec: taskiqPickle(), queue }, { resultPoll: 20 })
      let ours = 0
      broker.task('py.numbers', async (count: number) => {
        ours++
        return Array.from({ length: count }, (_, k) => k)
      })
      broker.task('py.double', async (number: number) => {
        ours++
        return number * 2
      })
      const side = await stage.python({ queue })
      await stage.work(broker, { prefetch: 0, concurrency: 2 })
      await side.work(2)
      const then = (kind: string) => ({ kind, task: 'py.double' })
      const steps = ['py.numbers', then('map'), then('map'), then('filter')]
      const ids = await Promise.all(
        Array.from({ length: 10 }, () => side.tell('pipeline', { steps, args: [4] })),
      )
      for (const id of ids) {
        const { return_value: value } = await side.result(String(id))
        expect(value).toEqual([4, 8, 12])
      }
      expect(ours).toBeGreaterThan(0)
    })
  })
}
