import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { taskiqCbor, taskiqMsgpack, taskiqPickle } from '../../../src/codecs/index.ts'
import { TaskContext, taskiqJson, type Codec } from '../../../src/index.ts'
import { hasOwnRedis } from '../../support/own-redis.ts'
import { describeTaskiq, pythonWith } from '../../support/python-taskiq.ts'
import { ours, TaskiqStage, theirs } from './taskiq-stage.ts'

const environment = await pythonWith('0.13.0')
const needs = hasOwnRedis ? environment : { reason: 'there is no redis-server' }
const codecs: readonly (readonly [string, Codec])[] = [
  ['json', taskiqJson()],
  ['orjson', taskiqJson()],
  ['pickle', taskiqPickle()],
  ['msgpack', taskiqMsgpack()],
  ['cbor', taskiqCbor()],
]

describeTaskiq(
  "every serializer of Python's TaskIQ, for messages and for results",
  needs,
  (python) => {
    describe.each(codecs)('%s', (serializer, codec) => {
      let stage: TaskiqStage

      beforeAll(async () => {
        stage = await TaskiqStage.open(python)
      })
      afterAll(() => stage.close())

      it('carries messages, results, errors, labels and progress both ways', async () => {
        const broker = stage.broker(
          { codec, resultCodec: codec },
          { resultPrefix: 'app', resultPoll: 20 },
        )
        broker.task({ name: 'ts.echo' }, async (...args: readonly unknown[]) => args)
        broker.task({ name: 'ts.fail' }, async () => {
          throw new RangeError('outer', { cause: new TypeError('inner €') })
        })
        broker.task({ name: 'ts.progress', deps: { ctx: TaskContext } }, async ({ ctx }) => {
          await ctx.progress('halfway', { percent: 50 })
          return [ctx.taskId, ctx.labels['n'], ctx.labels['text']]
        })
        const worker = await stage.work(broker)
        const side = await stage.python({ serializer, results: serializer, prefix: 'app' })
        await side.work()
        // What each of them has a word for.
        const large = serializer === 'msgpack' || serializer === 'orjson' ? 2n ** 63n : 2n ** 70n
        const args = [
          ...[1, -1, 300, -300, 70_000, -70_000, 2 ** 40, -(2 ** 40), 2.5, 'é 😀', '', true, null],
          ...[[], [1, [2]], {}, { a: { b: 'c' } }, 'x'.repeat(300), 'y'.repeat(70_000)],
          ...[
            Array.from({ length: 70_000 }, (_, i) => i % 7),
            Array.from({ length: 20 }, () => 'again'),
          ],
        ]
        const echo = broker.remoteTask<unknown[], unknown>({ name: 'py.echo', queue: theirs })
        expect(await (await echo.kiq(...args, large)).result({ timeout: '20s' })).toEqual({
          args: [...args, large],
          kwargs: {},
        })
        const labels = { queue_name: ours, n: 5, text: 'é' }
        const echoed = await side.kiq('ts.echo', { args, labels })
        expect((await side.result(echoed)).return_value).toEqual(args)
        const failed = await side.result(await side.kiq('ts.fail', { labels }))
        expect(failed.error).toMatchObject({
          type: 'RangeError',
          args: ['outer'],
          cause: { type: 'TypeError', args: ['inner €'] },
        })
        const told = await side.kiq('ts.progress', { labels, task_id: 'chosen-in-python' })
        const result = await side.result(told)
        // The id is in the bytes, whatever they are: where nobody finds it, it has another.
        expect(result.return_value).toEqual(['chosen-in-python', 5, 'é'])
        expect(result.labels).toMatchObject({ n: 5, text: 'é' })
        expect(await side.tell('progress', { task_id: told })).toEqual({
          state: 'halfway',
          meta: { percent: 50 },
        })
        const theirFailure = broker.remoteTask<[string], void>({ name: 'py.fail', queue: theirs })
        await expect(
          (await theirFailure.kiq('oh')).result({ timeout: '20s' }),
        ).rejects.toMatchObject({
          cause: { name: 'ValueError', message: 'oh', cause: { name: 'KeyError' } },
        })
        await worker.stop()
        // What waits is found by its id, whatever the bytes are.
        const waits = await side.kiq('ts.echo', { labels, task_id: 'waits' })
        expect(await broker.handle(waits).status()).toBe('queued')
        expect(await broker.handle(waits).cancel()).toBe(true)
        expect(await side.result(waits)).toMatchObject({ is_err: true })
        // Keys as taskiq-redis has them with prefix_str.
        expect(stage.redis.cli('EXISTS', 'app:waits', `app:${told}__progress`)).toBe('2')
      })
    })
  },
)
