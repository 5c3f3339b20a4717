import { afterAll, beforeAll, expect, it } from 'vitest'
import { taskiqPickle } from '../../../src/codecs/index.ts'
import { NonRetryableError, TaskContext, type Broker } from '../../../src/index.ts'
import { hasOwnRedis } from '../../support/own-redis.ts'
import { describeTaskiq, pythonWith } from '../../support/python-taskiq.ts'
import type { PythonSide } from './python-side.ts'
import { ours, TaskiqStage } from './taskiq-stage.ts'

const environments = await Promise.all([pythonWith('0.12.4'), pythonWith('0.13.0')])

for (const [i, release] of (['0.12.4', '0.13.0'] as const).entries()) {
  const environment = environments[i] ?? { reason: 'there is none' }
  const needs = hasOwnRedis ? environment : { reason: 'there is no redis-server' }
  describeTaskiq(`Python's TaskIQ ${release} sends, TypeScript works`, needs, (python) => {
    let stage: TaskiqStage
    let broker: Broker
    let side: PythonSide
    const toUs = { queue_name: ours }
    const runs: string[] = []

    beforeAll(async () => {
      stage = await TaskiqStage.open(python)
      broker = stage.broker({ resultCodec: taskiqPickle() })
      broker.task({ name: 'ts.add', params: ['a', 'b'] }, async (a: number, b: number) => a + b)
      broker.task({ name: 'ts.echo' }, async (...args: readonly unknown[]) => args)
      broker.task({ name: 'ts.void' }, async () => {})
      broker.task({ name: 'ts.labels', deps: { ctx: TaskContext } }, async ({ ctx }) =>
        Object.fromEntries(
          Object.entries(ctx.labels).map(([name, value]) => [
            name,
            [typeof value, value instanceof Uint8Array ? Buffer.from(value).toString() : value],
          ]),
        ),
      )
      broker.task({ name: 'ts.fail' }, async () => {
        throw new RangeError('outer', { cause: new TypeError('inner') })
      })
      broker.task({ name: 'ts.reject', deps: { ctx: TaskContext } }, async ({ ctx }) =>
        ctx.reject('not today'),
      )
      broker.task(
        { name: 'ts.flaky', deps: { ctx: TaskContext }, retry: { backoff: 1 } },
        async ({ ctx }, good: number) => {
          runs.push(ctx.taskId)
          if (ctx.attempt < good) throw new Error(`attempt ${ctx.attempt}`)
          return ctx.attempt
        },
      )
      broker.task({ name: 'ts.final' }, async () => {
        throw new NonRetryableError('no use')
      })
      broker.task({ name: 'ts.slow', grace: 1, deps: { ctx: TaskContext } }, ({ ctx }) => {
        return new Promise<void>((_, reject) => {
          ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason as Error))
        })
      })
      broker.task({ name: 'ts.progress', deps: { ctx: TaskContext } }, async ({ ctx }) => {
        await ctx.progress('halfway', { percent: 50 })
        return 'whole'
      })
      await stage.work(broker)
      side = await stage.python()
    })
    afterAll(() => stage.close())

    const send = async (
      task: string,
      call: { args?: unknown[]; kwargs?: Record<string, unknown>; labels?: object } = {},
    ) => {
      const id = await side.kiq(task, { ...call, labels: { ...toUs, ...call.labels } })
      return { id, result: await side.result(id) }
    }

    it('plain arguments of every kind, and results', async () => {
      const args = [1, 2.5, 'é 😀', true, null, [1, [2]], { a: { b: 'c' } }, 2 ** 53]
      const { result } = await send('ts.echo', { args })
      expect(result).toMatchObject({ is_err: false, error: null, return_value: args })
      expect((await send('ts.void')).result.return_value).toBeNull()
    })

    it('keyword arguments, bound by the names of the parameters', async () => {
      expect((await send('ts.add', { kwargs: { a: 1, b: 2 } })).result.return_value).toBe(3)
      expect((await send('ts.add', { args: [1], kwargs: { b: 4 } })).result.return_value).toBe(5)
      const wrong = await send('ts.add', { args: [1], kwargs: { c: 4 } })
      expect(wrong.result.error?.args[0]).toContain("'c'")
    })

    it('labels of every type', async () => {
      const labels = {
        text: 'é',
        int: 5,
        float: { $float: '2.5' },
        whole: { $float: '3.0' },
        yes: true,
        no: false,
        bytes: { $bytes: 'aGk=' },
        none: null,
        list: [1, 'a'],
      }
      const { result } = await send('ts.labels', { labels })
      expect(result.return_value).toEqual({
        ...{ text: ['string', 'é'], int: ['number', 5], float: ['number', 2.5] },
        ...{ whole: ['number', 3], yes: ['boolean', true], no: ['boolean', false] },
        ...{ bytes: ['object', 'hi'], none: ['string', 'None'], list: ['string', "[1, 'a']"] },
        queue_name: ['string', 'ts'],
      })
      expect(result.labels).toMatchObject({ text: 'é', int: 5, float: 2.5, yes: true, no: false })
    })

    it('errors with their causes, as exceptions of their names', async () => {
      const { result } = await send('ts.fail')
      expect(result.is_err).toBe(true)
      expect(result.error).toMatchObject({ type: 'RangeError', args: ['outer'] })
      expect(result.error?.bases).toContain('Exception')
      expect(result.error?.cause).toMatchObject({ type: 'TypeError', args: ['inner'] })
    })

    it('timeouts and rejections, as the exceptions that Python has for them', async () => {
      const timeout = await send('ts.slow', { labels: { timeout: { $float: '0.05' } } })
      expect(timeout.result.error).toMatchObject({ type: 'TimeoutError', module: 'builtins' })
      const rejected = await send('ts.reject')
      expect(rejected.result.error).toMatchObject({
        type: 'TaskRejectedError',
        module: 'taskiq.exceptions',
      })
    })

    it('retries as its labels say: max_retries counts runs', async () => {
      const labels = { retry_on_error: true, max_retries: 3 }
      const good = await send('ts.flaky', { args: [3], labels })
      expect(good.result).toMatchObject({ is_err: false, return_value: 3 })
      expect(good.result.labels['_retries']).toBe(2)
      expect(runs.filter((id) => id === good.id)).toHaveLength(3)
      const bad = await send('ts.flaky', { args: [4], labels })
      expect(bad.result).toMatchObject({ is_err: true, error: { args: ['attempt 3'] } })
      expect(runs.filter((id) => id === bad.id)).toHaveLength(3)
      const once = await send('ts.flaky', { args: [2] })
      expect(once.result.error?.args).toEqual(['attempt 1'])
    })

    it('progress', async () => {
      const { id } = await send('ts.progress')
      expect(await side.tell('progress', { task_id: id })).toEqual({
        state: 'halfway',
        meta: { percent: 50 },
      })
    })

    it('a task that nobody here knows: it is set aside, whole, and its caller is told', async () => {
      const { id, result } = await send('ts.nobody', { args: ['kept'] })
      expect(result.error?.args[0]).toContain("no task 'ts.nobody' is registered")
      const dead = await broker.inspector.deadLetter(id)
      expect(dead?.reason).toBe('unknown')
      expect(String(dead?.body)).toContain('"args": ["kept"]')
    })
  })
}
