/** Workers of both languages on one stream, in one group. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { taskiqPickle } from '../../../src/codecs/index.ts'
import { logTo, TaskContext, type Broker } from '../../../src/index.ts'
import { hasOwnRedis } from '../../support/own-redis.ts'
import { describeTaskiq, pythonWith } from '../../support/python-taskiq.ts'
import { TaskiqStage } from './taskiq-stage.ts'

const environments = await Promise.all([pythonWith('0.12.4'), pythonWith('0.13.0')])
const script = fileURLToPath(new URL('mixed-worker.mjs', import.meta.url))

/** Something that works until it is killed. */
interface Mortal {
  kill(): Promise<unknown>
}

async function typescriptWorker(stage: TaskiqStage, queue: string): Promise<Mortal> {
  const child = spawn(process.execPath, [script, stage.redis.url, queue], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const gone = once(child, 'exit')
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL')
    await gone
  }
  stage.defer(kill)
  await once(child.stdout, 'data')
  return { kill }
}

for (const [i, release] of (['0.12.4', '0.13.0'] as const).entries()) {
  const environment = environments[i] ?? { reason: 'there is none' }
  const needs = hasOwnRedis ? environment : { reason: 'there is no redis-server' }
  describeTaskiq(
    `workers of TypeScript and of Python's TaskIQ ${release} in one group`,
    needs,
    (python) => {
      let stage: TaskiqStage

      beforeAll(async () => {
        stage = await TaskiqStage.open(python)
      })
      afterAll(() => stage.close())

      const brokerOf = (queue: string, foreignIdle?: number): Broker =>
        stage.broker({ resultCodec: taskiqPickle(), queue }, { resultPoll: 20, foreignIdle })

      it('a long task of Python runs once beside our reclaim, which takes back only our own', async () => {
        const broker = brokerOf('long')
        const slow = broker.task(
          { name: 'both.slow' },
          async (_seconds: number, _key: string) => 'ts',
        )
        const side = await stage.python({ queue: 'long' })
        await side.work()
        const id = await side.kiq('both.slow', { args: [2, 'long:runs'] })
        await expect.poll(() => stage.redis.cli('LLEN', 'long:runs')).toBe('1')
        // Many leases of ours go by while it runs; workers of both are at work all the time.
        const worker = await stage.work(broker, { lease: 200 })
        const by: unknown[] = []
        do {
          const short = await slow.kiq(0.01, 'long:short')
          by.push(await short.result({ timeout: '20s' }))
        } while (stage.redis.cli('EXISTS', id) === '0' || !by.includes('ts'))
        expect((await side.result(id)).return_value).toBe('py')
        expect(stage.redis.cli('LLEN', 'long:runs')).toBe('1')
        await worker.stop()
        await side.kill()
      })

      it('a task that only Python knows is forwarded to its queue, or given back until Python takes it', async () => {
        const lines: string[] = []
        const logger = logTo((level, message) => void lines.push(`${level}: ${message}`))
        const broker = stage.broker(
          { resultCodec: taskiqPickle(), queue: 'shared', logger },
          { resultPoll: 20 },
        )
        broker.task({ name: 'ts.only' }, async () => 'ts')
        const double = broker.remoteTask<[number], number>({ name: 'py.double' })
        const waiting = await double.kiq(1)
        // Both on one queue: whoever gets it first.
        const giver = await stage.work(broker, { unknownTask: 'give-back' })
        await expect
          .poll(() => lines.join('\n'))
          .toContain(
            "warn: queue 'shared' has messages of tasks that nobody here knows: py.double.",
          )
        const side = await stage.python({ queue: 'shared' })
        await side.work()
        expect(await waiting.result({ timeout: '30s' })).toBe(2)
        await giver.stop()
        await side.kill()
        // A queue for each: what strays is sent on.
        const own = await stage.python({ queue: 'only-python' })
        await own.work()
        await stage.work(broker, { unknownTask: { forward: 'only-python' } })
        expect(await (await double.kiq(21)).result({ timeout: '30s' })).toBe(42)
        expect(await broker.inspector.deadLetters({ limit: 1 })).toEqual([])
      })

      it('what Python puts back into the queue may end with us: one id, and its count of times goes on', async () => {
        const broker = brokerOf('requeued')
        broker.task({ name: 'py.requeue', deps: { ctx: TaskContext } }, async ({ ctx }) => ({
          by: 'ts',
          times: Number(ctx.labels['X-Taskiq-requeue']),
        }))
        const side = await stage.python({ queue: 'requeued' })
        await side.work()
        // Python would put it back a million times.
        stage.redis.cli('SET', 'requeued:runs', '-1000000')
        const id = await side.kiq('py.requeue', { args: ['requeued:runs'] })
        await expect
          .poll(() => Number(stage.redis.cli('GET', 'requeued:runs')))
          .toBeGreaterThan(-999_990)
        await stage.work(broker)
        const { return_value: value } = await side.result(id)
        expect(value).toMatchObject({ by: 'ts' })
        const runs = Number(stage.redis.cli('GET', 'requeued:runs')) + 1_000_000
        expect((value as { times: number }).times).toBe(runs)
        await side.kill()
      })

      it('what a Python worker held when it died comes to us after foreignIdle, and is a redelivery', async () => {
        const broker = brokerOf('orphans', 700)
        broker.task({ name: 'both.slow' }, async () => 'ts')
        const side = await stage.python({ queue: 'orphans' })
        await side.work()
        const id = await side.kiq('both.slow', { args: [60, 'orphans:runs'] })
        await expect.poll(() => stage.redis.cli('LLEN', 'orphans:runs')).toBe('1')
        await side.kill()
        await stage.work(broker, { lease: 300 })
        expect(await broker.handle(id).result({ timeout: '20s' })).toBe('ts')
      })

      it('what a worker of ours held when it was killed comes to Python after its idle_timeout', async () => {
        const ours = await typescriptWorker(stage, 'ours')
        const broker = brokerOf('ours')
        const slow = broker.remoteTask<[number, string], string>({ name: 'both.slow' })
        const handles = await slow.kiqMany(Array.from({ length: 20 }, () => [0.01, 'ours:runs']))
        const begun = (): string => stage.redis.cli('LLEN', 'ours:runs')
        await expect.poll(begun).toBe('20')
        await ours.kill()
        const side = await stage.python({ queue: 'ours', idle_timeout: 500, lock_timeout: 1 })
        await side.work()
        // taskiq-redis 1.2.4 takes over what others held only when something new comes.
        await expect
          .poll(async () => slow.kiq(0.01, 'ours:traffic').then(begun), { timeout: 20_000 })
          .toBe('40')
        for (const handle of handles) expect(await handle.result({ timeout: '20s' })).toBe('py')
      })

      it('nothing is lost while workers of both are killed, and nothing is left over', async () => {
        const queue = 'mixed'
        const rounds = release === '0.13.0' ? 4 : 2
        const broker = brokerOf(queue, 1000)
        const done = broker.remoteTask<[string, string], void>({ name: 'both.done' })
        const starts: (() => Promise<Mortal>)[] = [
          () => typescriptWorker(stage, queue),
          async () => {
            const side = await stage.python({ queue, idle_timeout: 1000, lock_timeout: 1 })
            await side.work(5)
            return side
          },
        ]
        const workers = await Promise.all(starts.map((start) => start()))
        let sent = 0
        const send = (count: number) =>
          done.kiqMany(Array.from({ length: count }, () => ['mixed:done', `m${sent++}`]))
        const finished = (count: number) =>
          expect
            .poll(
              async () => {
                // taskiq-redis 1.2.4 takes over what others held only when something new comes.
                await done.kiq('mixed:traffic', 'x')
                return Number(stage.redis.cli('SCARD', 'mixed:done'))
              },
              { timeout: 30_000, interval: 50 },
            )
            .toBeGreaterThanOrEqual(count)
        for (let kills = 0; kills < rounds; kills++) {
          const before = sent
          await send(60)
          await finished(before + 10)
          const victim = kills % 2
          await workers[victim]?.kill()
          await send(20)
          // The other one does all of it, with what the killed one held.
          await finished(sent)
          const next = await starts[victim]?.()
          if (next !== undefined) workers[victim] = next
        }
        expect(stage.redis.cli('SCARD', 'mixed:done')).toBe(String(rounds * 80))
        for (const who of ['ts', 'py']) {
          expect(Number(stage.redis.cli('LLEN', `mixed:done:${who}`))).toBeGreaterThan(20)
        }
        // Every message is settled in the end, and the janitor leaves nothing of them.
        await expect
          .poll(() => stage.redis.cli('XLEN', queue), { timeout: 30_000, interval: 50 })
          .toBe('0')
      })
    },
  )
}
