import { afterAll, beforeAll, expect, it } from 'vitest'
import { z } from 'zod'
import { taskiqPickle } from '../../../src/codecs/index.ts'
import { TaskFailedError, type Broker } from '../../../src/index.ts'
import { hasOwnRedis } from '../../support/own-redis.ts'
import { describeTaskiq, pythonWith } from '../../support/python-taskiq.ts'
import type { PythonSide } from './python-side.ts'
import { TaskiqStage, theirs } from './taskiq-stage.ts'

const environments = await Promise.all([pythonWith('0.12.4'), pythonWith('0.13.0')])

for (const [i, release] of (['0.12.4', '0.13.0'] as const).entries()) {
  const environment = environments[i] ?? { reason: 'there is none' }
  const needs = hasOwnRedis ? environment : { reason: 'there is no redis-server' }
  describeTaskiq(`TypeScript sends, Python's TaskIQ ${release} works`, needs, (python) => {
    let stage: TaskiqStage
    let broker: Broker
    let side: PythonSide

    beforeAll(async () => {
      stage = await TaskiqStage.open(python)
      // Stock settings there: messages in JSON, results in pickles.
      broker = stage.broker({ resultCodec: taskiqPickle() }, { resultPoll: 20 })
      side = await stage.python()
      await side.work()
    })
    afterAll(() => stage.close())

    const remote = <R>(name: string) => broker.remoteTask<unknown[], R>({ name, queue: theirs })

    it('plain arguments of every kind, and results', async () => {
      const args = [1, 2.5, 'é 😀', true, null, [1, [2]], { a: { b: 'c' } }, 2n ** 70n, -0.0]
      const handle = await remote('py.echo').kiq(...args)
      expect(await handle.result({ timeout: '20s' })).toEqual({ args, kwargs: {} })
    })

    it('keyword arguments: the object of a task with input, cast by the types of the parameters', async () => {
      const typed = broker.remoteTask({
        name: 'py.typed',
        queue: theirs,
        input: z.object({
          page: z.object({ number: z.number(), text: z.string(), at: z.date() }),
          ratio: z.number(),
          at: z.date(),
        }),
        output: z.object({ kinds: z.array(z.string()), at: z.coerce.date(), ratio: z.number() }),
      })
      const at = new Date('2026-01-02T03:04:05.678Z')
      const handle = await typed.kiq({ page: { number: 1, text: 'x', at }, ratio: 2, at })
      expect(await handle.result({ timeout: '20s' })).toEqual({
        kinds: ['Page', 'float', 'datetime', 'NoneType'],
        at,
        ratio: 2,
      })
    })

    it('labels of every type, which come back with the result', async () => {
      const labels = {
        ...{ text: 'é', int: 5, float: 2.5, yes: true, no: false },
        ...{ large: 2n ** 70n, bytes: new Uint8Array([104, 105]) },
      }
      const handle = await remote('py.labels').kicker().withLabels(labels).kiq()
      const outcome = await handle.waitResult({ timeout: '20s' })
      expect(outcome.returnValue).toEqual({
        ...{ text: ['str', 'é'], int: ['int', 5], float: ['float', 2.5] },
        ...{ yes: ['bool', true], no: ['bool', false], large: ['int', 2n ** 70n] },
        bytes: ['bytes', 'aGk='],
      })
      // TaskIQ has no types of labels in results: bytes are their text there.
      expect(outcome.labels).toMatchObject({ ...labels, bytes: 'hi' })
    })

    it('errors with their causes and contexts', async () => {
      const handle = await remote('py.fail').kiq('no page')
      const error: unknown = await handle.result({ timeout: '20s' }).catch((thrown) => thrown)
      expect(error).toBeInstanceOf(TaskFailedError)
      expect((error as Error).cause).toMatchObject({ name: 'ValueError', message: 'no page' })
      expect(((error as Error).cause as Error).cause).toMatchObject({ name: 'KeyError' })
      const chained = await remote('py.fail_while_failing').kiq()
      const second: unknown = await chained.result({ timeout: '20s' }).catch((thrown) => thrown)
      expect((second as Error).cause).toMatchObject({
        name: 'RuntimeError',
        cause: { name: 'KeyError', message: 'first' },
      })
    })

    it('timeouts and rejections', async () => {
      const slow = await remote('py.slow').kicker().withTimeout('50ms').kiq(20, 'slow-timeout')
      await expect(slow.result({ timeout: '20s' })).rejects.toMatchObject({
        cause: { name: 'TimeoutError' },
      })
      const rejected = await remote('py.reject').kiq()
      await expect(rejected.result({ timeout: '20s' })).rejects.toMatchObject({
        cause: { name: 'TaskRejectedError' },
      })
    })

    it('retries: as often as max_retries says, with one id', async () => {
      const labels = { retry_on_error: true, max_retries: 3 }
      const flaky = remote<number>('py.flaky').kicker().withLabels(labels)
      const good = await flaky.kiq('flaky-good', 3)
      // TaskIQ stores a result of each run: the last one is there to stay.
      await expect
        .poll(async () => (await good.waitResult({ timeout: '20s' })).labels['_retries'])
        .toBe(2)
      expect(await good.result()).toBe(3)
      const bad = await flaky.kiq('flaky-bad', 9)
      await expect
        .poll(async () => (await bad.waitResult({ timeout: '20s' })).labels['_retries'])
        .toBe(2)
      await expect(bad.result()).rejects.toMatchObject({ cause: { message: 'run 3' } })
    })

    it('progress, while it runs', async () => {
      const handle = await remote('py.progress').kiq('go-on')
      await expect
        .poll(() => handle.progress())
        .toEqual({ state: 'halfway', meta: { percent: 50 } })
      stage.redis.cli('RPUSH', 'go-on', '1')
      expect(await handle.result({ timeout: '20s' })).toBe('whole')
    })

    it('a task that sends itself again, until it is done', async () => {
      const handle = await remote('py.requeue').kiq('requeued')
      expect(await handle.result({ timeout: '20s' })).toBe('2')
    })

    it('later: a worker of ours, of whatever queue, moves what is due to Python', async () => {
      broker.task({ name: 'ts.other' }, async () => {})
      const worker = await stage.work(broker)
      const double = remote<number>('py.double').kicker()
      const sentAt = Date.now()
      const later = await double.withDelay(300).kiq(4)
      const soon = await double.withEta(new Date(sentAt + 100)).kiq(3)
      expect(await later.status()).toBe('scheduled')
      expect(await soon.result({ timeout: '20s' })).toBe(6)
      expect(await later.result({ timeout: '20s' })).toBe(8)
      expect(Date.now() - sentAt).toBeGreaterThanOrEqual(300)
      await worker.stop()
    })

    it('a result in which Python has one list twice', async () => {
      const handle = await remote('py.twice').kiq()
      expect(await handle.result({ timeout: '20s' })).toEqual([
        ['the same list'],
        ['the same list'],
      ])
    })

    it('an id of the caller: the same id twice is one message', async () => {
      const double = remote<number>('py.double').kicker().withTaskId('an-id-of-ours')
      const first = await double.kiq(21)
      expect(await first.result({ timeout: '20s' })).toBe(42)
      expect((await double.kiq(22)).isDuplicate).toBe(true)
    })
  })
}
