/** Plans that Python's TaskIQ and we share: its ListRedisScheduleSource, its scheduler, and ours. */
import { execFile, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Broker } from '../../../src/broker/broker.ts'
import { createBroker } from '../../../src/broker/create-broker.ts'
import { logTo } from '../../../src/core/logger.ts'
import type { ScheduleSource } from '../../../src/core/schedule-source.ts'
import { redisScheduleSource, redisTransport } from '../../../src/redis/index.ts'
import { createScheduler } from '../../../src/scheduler/create-scheduler.ts'
import { createWorker } from '../../../src/worker/create-worker.ts'
import { describeTaskiq, pythonWith } from '../../support/python-taskiq.ts'
import { describeRedis, useRedis } from '../../support/redis.ts'

const run = promisify(execFile)
const program = `
import asyncio, datetime, json, sys
from taskiq import TaskiqScheduler
from taskiq.serializers import JSONSerializer, PickleSerializer
from taskiq_redis import ListRedisScheduleSource, RedisStreamBroker

url, queue, prefix, serializer = sys.argv[1:5] if len(sys.argv) > 4 else json.load(open("plan.json"))
broker = RedisStreamBroker(url, queue_name=queue)
source = ListRedisScheduleSource(url, prefix=prefix, serializer=JSONSerializer() if serializer == "json" else PickleSerializer())
scheduler = TaskiqScheduler(broker, sources=[source])

@broker.task(task_name="greet")
async def greet(name: str) -> str:
    return name

async def add() -> None:
    await source.startup()
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=2)
    await greet.schedule_by_cron(source, "*/5 * * * *", "cron of python")
    await greet.schedule_by_interval(source, 1, "interval of python")
    await greet.schedule_by_time(source, at, "moment of python")
    await source.shutdown()

async def show() -> None:
    await source.startup()
    found = await source.get_schedules()
    print(json.dumps([[s.schedule_id, s.task_name, s.args, s.cron, s.interval, s.cron_offset, str(s.time) if s.time else None] for s in found]))
    await source.shutdown()

if __name__ == "__main__":
    asyncio.run({"add": add, "show": show}[sys.argv[5]]())
`

const environments = {
  '0.12.4': await pythonWith('0.12.4'),
  '0.13.0': await pythonWith('0.13.0'),
} as const

describeRedis('schedules shared with Python', () => {
  const redis = useRedis()
  for (const release of ['0.12.4', '0.13.0'] as const) {
    describeTaskiq(`TaskIQ ${release}`, environments[release], (python) => {
      describe.each(['json', 'pickle'] as const)('by %s', (serializer) => {
        let folder: string
        let broker: Broker
        let source: ScheduleSource
        let own: string
        const queue = 'shared'
        const greeted: string[] = []
        const warned: string[] = []

        beforeAll(async () => {
          own = `${redis.prefix}${release}-${serializer}:`
          folder = mkdtempSync(join(tmpdir(), 'taskwright-schedules-'))
          const names = [redis.url, `${own}${queue}`, `${own}schedule`, serializer]
          writeFileSync(join(folder, 'program.py'), program)
          writeFileSync(join(folder, 'plan.json'), JSON.stringify(names))
          broker = createBroker({
            transport: redisTransport({ url: redis.url, prefix: own, resultPrefix: own }),
            queue,
            logger: logTo((level, message) => {
              if (level === 'warn') warned.push(message)
            }),
          })
          source = redisScheduleSource({
            url: redis.url,
            layout: 'taskiq',
            schedulePrefix: `${own}schedule`,
            serializer,
          })
        })

        afterAll(async () => {
          await broker.stop()
          rmSync(folder, { recursive: true, force: true })
        })

        const ask = async (what: 'add' | 'show'): Promise<string> => {
          const names = [redis.url, `${own}${queue}`, `${own}schedule`, serializer]
          const { stdout } = await run(python, ['program.py', ...names, what], { cwd: folder })
          return stdout
        }

        it('plans of Python are fired by our scheduler; one for a moment once, and it is gone', async () => {
          broker.task({ name: 'greet', params: ['name'] }, async (name: string) => {
            greeted.push(name)
          })
          await ask('add')
          await using worker = createWorker(broker, { concurrency: 5 })
          await worker.start()
          await using scheduler = createScheduler({
            broker,
            sources: [source],
            updateInterval: 200,
          })
          await scheduler.start()
          // The one for a moment may have been sent by now.
          expect((await scheduler.plans()).map(({ plan }) => plan.args[0])).toEqual(
            expect.arrayContaining(['cron of python', 'interval of python']),
          )
          await expect
            .poll(
              () => [
                greeted.filter((name) => /interval/.test(name)).length >= 3,
                greeted.includes('moment of python'),
              ],
              { timeout: 30_000 },
            )
            .toEqual([true, true])
          await expect.poll(async () => (await source.read()).plans.length).toBe(2)
          expect(greeted.filter((name) => /moment/.test(name))).toHaveLength(1)
          await scheduler.stop()
          const { plans } = await source.read()
          await source.remove(plans.map(({ id }) => id))
          expect(JSON.parse(await ask('show'))).toEqual([])
        })

        it('plans of ours are seen by Python, and fired by its scheduler', async () => {
          const hello = broker.remoteTask<[string], string>('greet')
          const at = new Date(Date.now() + 86_400_000)
          await hello.scheduleByCron(
            source,
            { cron: '0 5 * * *', dialect: 'taskiq', timezone: 'Europe/Paris', id: 'ours-cron' },
            'cron',
          )
          await hello.scheduleByTime(source, { at, id: 'ours-time' }, 'time')
          await hello.scheduleByInterval(source, { every: '1s', id: 'ours-every' }, 'every')
          // The same id again is one plan.
          await hello.scheduleByInterval(source, { every: '1s', id: 'ours-every' }, 'from node')
          const shown = JSON.parse(await ask('show')) as unknown[][]
          const told = shown.map(([id, , args, cron, interval, offset]) =>
            JSON.stringify([id, args, cron, interval, offset]),
          )
          expect(told.sort()).toEqual([
            '["ours-cron",["cron"],"0 5 * * *",null,"Europe/Paris"]',
            '["ours-every",["from node"],null,1,null]',
          ])
          greeted.length = 0
          const theirs = spawn(
            python,
            ['-m', 'taskiq', 'scheduler', 'program:scheduler', '--update-interval', '1'],
            {
              cwd: folder,
              stdio: 'ignore',
            },
          )
          const gone = new Promise((done) => theirs.once('exit', done))
          try {
            await using worker = createWorker(broker, { concurrency: 5 })
            await worker.start()
            await expect.poll(() => greeted.includes('from node'), { timeout: 30_000 }).toBe(true)
          } finally {
            theirs.kill('SIGKILL')
            await gone
          }
          expect(await source.remove(['ours-cron', 'ours-time', 'ours-every', 'nobody'])).toEqual([
            'ours-cron',
            'ours-time',
            'ours-every',
          ])
          expect(await redis.client.keys(`${own}schedule:*`)).toEqual([])
        })

        it('both schedulers at once are noticed, and what theirs sends can be left out', async () => {
          const hello = broker.remoteTask<[string], string>('greet')
          await hello.scheduleByInterval(source, { every: '1s', id: 'ours-both' }, 'both')
          const theirs = spawn(
            python,
            ['-m', 'taskiq', 'scheduler', 'program:scheduler', '--update-interval', '1'],
            { cwd: folder, stdio: 'ignore' },
          )
          const gone = new Promise((done) => theirs.once('exit', done))
          try {
            await using worker = createWorker(broker, { concurrency: 5, foreignFires: 'drop' })
            await worker.start()
            await using scheduler = createScheduler({ broker, sources: [source] })
            await scheduler.start()
            const both = (): boolean => worker.counts.foreignFires > 0 && scheduler.counts.fired > 0
            await expect.poll(both, { timeout: 90_000 }).toBe(true)
            const warning = /'ours-both' is fired by two schedulers/
            await expect
              .poll(() => warned.filter((text) => warning.test(text)).length, { timeout: 30_000 })
              .toBe(1)
          } finally {
            theirs.kill('SIGKILL')
            await gone
          }
          await source.remove(['ours-both'])
        }, 150_000)
      })
    })
  }
})
