import { readFile } from 'node:fs/promises'
import { describe, expect, it, vi } from 'vitest'
import * as z from 'zod'
import {
  TaskContext,
  TaskDeadError,
  TaskFailedError,
  createBroker,
  dependency,
  logTo,
  silentLogger,
  type Broker,
} from '../../../src/index.ts'
import { testBroker } from '../../../src/testing/index.ts'

// Hundreds of runs in one test, on a machine that may be busy.
vi.setConfig({ testTimeout: 60_000 })

const newBroker = (): Broker => createBroker({ transport: 'memory:', logger: silentLogger })

describe('a broker under test, inline', () => {
  it('has run a message to its end when kiq() resolves', async () => {
    const broker = newBroker()
    const ran: string[] = []
    const greet = broker.task('greet', async (name: string) => {
      ran.push(name)
      return `hello ${name}`
    })
    await using _app = testBroker(broker, { mode: 'inline' })
    const handle = await greet.kiq('Ada')
    expect(ran).toEqual(['Ada'])
    expect(await handle.status()).toBe('succeeded')
    expect(await handle.result()).toBe('hello Ada')
  })

  it('runs what a handler sends in the middle of its run, and what that sends', async () => {
    const broker = newBroker()
    const order: string[] = []
    const leaf = broker.task('leaf', async (n: number) => void order.push(`leaf ${n}`))
    const middle = broker.task('middle', async (n: number) => {
      order.push(`middle ${n}`)
      await leaf.kiq(n)
      order.push(`end of middle ${n}`)
      return n
    })
    const top = broker.task('top', async () => {
      const first = await (await middle.kiq(1)).result()
      const second = await (await middle.kiq(2)).result()
      return first + second
    })
    await using app = testBroker(broker, { mode: 'inline' })
    expect(await (await top.kiq()).result()).toBe(3)
    expect(order).toEqual([
      ...['middle 1', 'leaf 1', 'end of middle 1'],
      ...['middle 2', 'leaf 2', 'end of middle 2'],
    ])
    expect(app.sent(middle).map(({ parentId }) => parentId)).toEqual(
      Array(2).fill(app.sent(top)[0]?.taskId),
    )
  })

  it('runs one message at a time, whoever sends many at once', async () => {
    const broker = newBroker()
    let active = 0
    let most = 0
    const order: number[] = []
    const work = broker.task('work', async (n: number) => {
      most = Math.max(most, ++active)
      for (let i = 0; i < 5; i++) await Promise.resolve()
      order.push(n)
      active--
    })
    const spread = broker.task('spread', async () => {
      await Promise.all([work.kiq(10), work.kiq(11), work.kiq(12)])
    })
    await using _app = testBroker(broker, { mode: 'inline' })
    await work.kiqMany([[1], [2], [3]])
    await Promise.all([work.kiq(4), work.kiq(5)])
    await spread.kiq()
    expect(most).toBe(1)
    expect(order).toEqual([1, 2, 3, 4, 5, 10, 11, 12])
  })

  it('finishes what one sender sent before it takes the next one of the others', async () => {
    const broker = newBroker()
    const order: string[] = []
    const child = broker.task('child', async (of: string) => void order.push(`child of ${of}`))
    const parent = broker.task('parent', async (name: string) => {
      order.push(name)
      await child.kiq(name)
      order.push(`end of ${name}`)
    })
    await using _app = testBroker(broker, { mode: 'inline' })
    await parent.kiqMany([['a'], ['b']])
    expect(order).toEqual(['a', 'child of a', 'end of a', 'b', 'child of b', 'end of b'])
  })

  it('does not mind a handler that does not wait for what it sends', async () => {
    const broker = newBroker()
    const ran: string[] = []
    const later = broker.task('later', async () => void ran.push('later'))
    const first = broker.task('first', async () => {
      void later.kiq()
      ran.push('first')
    })
    await using app = testBroker(broker, { mode: 'inline' })
    await first.kiq()
    await app.idle()
    expect(ran.sort()).toEqual(['first', 'later'])
  })

  it('waits for the real I/O of a handler', async () => {
    const broker = newBroker()
    const size = broker.task('size', async (file: string) => (await readFile(file, 'utf8')).length)
    await using _app = testBroker(broker, { mode: 'inline' })
    const handle = await size.kiq(import.meta.filename)
    expect(await handle.status()).toBe('succeeded')
    expect(await handle.result()).toBeGreaterThan(1_000)
  })

  it('resolves kiq() also when the task fails; the handle tells', async () => {
    const broker = newBroker()
    const fail = broker.task('fail', async () => {
      throw new RangeError('too far')
    })
    await using app = testBroker(broker, { mode: 'inline' })
    const handle = await fail.kiq()
    await expect(handle.result()).rejects.toBeInstanceOf(TaskFailedError)
    expect(app.failures).toMatchObject([{ task: 'fail', status: 'failed', attempt: 1 }])
    expect(app.failures[0]?.error?.cause).toMatchObject({ message: 'too far' })
  })

  it('leaves what is delayed, and retries with a backoff, to the clock', async () => {
    const broker = newBroker()
    const attempts: number[] = []
    const flaky = broker.task(
      { name: 'flaky', retry: { max: 2, backoff: '1m' }, deps: { ctx: TaskContext } },
      async ({ ctx }) => {
        attempts.push(ctx.attempt)
        if (ctx.attempt < 3) throw new Error('not yet')
        return 'done'
      },
    )
    await using app = testBroker(broker, { mode: 'inline' })
    const delayed = await flaky.kicker().withDelay('5m').kiq()
    expect(await delayed.status()).toBe('scheduled')
    const handle = await flaky.kiq()
    expect(await handle.status()).toBe('retrying')
    await app.clock.advance('1m')
    expect(attempts).toEqual([1, 2])
    await app.clock.advance('1m')
    expect(await handle.result()).toBe('done')
    expect(attempts).toEqual([1, 2, 3])
    await app.clock.advance('5m')
    expect(await delayed.result()).toBe('done')
    expect(attempts).toEqual([1, 2, 3, 1, 2, 3])
  })

  it('runs a retry without delay at once', async () => {
    const broker = newBroker()
    const flaky = broker.task(
      { name: 'flaky', retry: { max: 3, backoff: 0 }, deps: { ctx: TaskContext } },
      async ({ ctx }) => {
        if (ctx.attempt < 3) throw new Error('not yet')
        return ctx.attempt
      },
    )
    await using _app = testBroker(broker, { mode: 'inline' })
    expect(await (await flaky.kiq()).result()).toBe(3)
  })

  it('runs the real middlewares, dependencies and schemas', async () => {
    const seen: string[] = []
    const broker = createBroker({
      transport: 'memory:',
      logger: silentLogger,
      middlewares: [
        {
          start: () => void seen.push('start'),
          stop: () => void seen.push('stop'),
          send: async (sending, next) => {
            seen.push('send')
            const labels = { ...sending.message.labels, stamped: 'yes' }
            return next({ ...sending, message: { ...sending.message, labels } })
          },
          execute: async (_, next) => {
            seen.push('before')
            const value = await next()
            seen.push('after')
            return value
          },
        },
      ],
    })
    const session = dependency(async function* () {
      seen.push('open')
      yield 'session'
      seen.push('close')
    })
    const upper = broker.task(
      {
        name: 'upper',
        input: z.object({ text: z.string().transform((text) => text.toUpperCase()) }),
        deps: { session },
      },
      async (deps, { text }) => `${text} in ${deps.session}`,
    )
    {
      await using app = testBroker(broker, { mode: 'inline' })
      expect(await (await upper.kiq({ text: 'a' })).result()).toBe('A in session')
      // The journal has what travelled: raw.
      expect(app.sent(upper)).toMatchObject([{ args: [{ text: 'a' }], labels: { stamped: 'yes' } }])
      // @ts-expect-error wrong input
      await expect(upper.kiq({ text: 4 })).rejects.toThrow(/input of task 'upper'/)
    }
    expect(seen).toEqual(['start', 'send', 'before', 'open', 'close', 'after', 'stop'])
  })

  it('sets a task of elsewhere aside as unknown, unless the test runs one in its place', async () => {
    const broker = newBroker()
    const legacy = broker.remoteTask<[id: string], number>('legacy.count')
    await using app = testBroker(broker, { mode: 'inline' })
    await expect((await legacy.kiq('x')).result()).rejects.toBeInstanceOf(TaskDeadError)
    app.stub(legacy, async (id) => id.length)
    expect(await (await legacy.kiq('four')).result()).toBe(4)
    expect(app.sent(legacy).map(({ args }) => args)).toEqual([['x'], ['four']])
  })

  it('takes from queues that nobody listens to otherwise, or only from those it is told', async () => {
    const broker = newBroker()
    const work = broker.task('work', async () => 'done')
    {
      await using app = testBroker(broker, { mode: 'inline' })
      const handle = await work.kicker().withQueue('urgent').kiq()
      expect(await handle.result()).toBe('done')
      expect(app.sent(work)[0]?.queue).toBe('urgent')
    }
    await using app = testBroker(broker, { mode: 'inline', worker: { queues: ['default'] } })
    const handle = await work.kicker().withQueue('urgent').kiq()
    await app.idle()
    expect(await handle.status()).toBe('queued')
  })

  it('runs dead letters that are put back', async () => {
    const broker = newBroker()
    let broken = true
    const work = broker.task('work', async () => {
      if (broken) throw new Error('broken')
      return 'mended'
    })
    await using app = testBroker(broker, { mode: 'inline' })
    const handle = await work.kiq()
    expect(await handle.status()).toBe('failed')
    broken = false
    expect(await broker.retryDead([handle.taskId])).toEqual([handle.taskId])
    expect(await handle.result()).toBe('mended')
    expect(app.settled(work).map(({ status }) => status)).toEqual(['failed', 'succeeded'])
  })

  it('sends a message of a known id once, and runs it once', async () => {
    const broker = newBroker()
    let runs = 0
    const once = broker.task('once', async () => ++runs)
    await using app = testBroker(broker, { mode: 'inline' })
    const first = await once.kicker().withTaskId('order-1').kiq()
    const second = await once.kicker().withTaskId('order-1').kiq()
    expect([first.isDuplicate, second.isDuplicate, runs]).toEqual([false, true, 1])
    expect(await second.result()).toBe(1)
    expect(app.sent(once)).toHaveLength(1)
  })

  it('runs isolated tasks in this process, where overrides and fakes reach them', async () => {
    const broker = createBroker({ transport: 'sqlite:./never-opened.db', logger: silentLogger })
    const size = dependency(() => 1)
    const render = broker.task(
      { name: 'render', isolate: 'process', deps: { size } },
      async (deps) => [deps.size, process.pid],
    )
    await using app = testBroker(broker, { mode: 'inline' })
    app.dependencyOverrides.setValue(size, 5)
    expect(await (await render.kiq()).result()).toEqual([5, process.pid])
  })

  it('says why a kiq() does not come back, when its handler waits for the clock', async () => {
    let warn: (message: string) => void = () => {}
    const warned = new Promise<string>((resolve) => (warn = resolve))
    const logger = logTo((_, message) => warn(message))
    const broker = newBroker()
    const slow = broker.task({ name: 'slow', timeout: '20m' }, () => new Promise<void>(() => {}))
    await using app = testBroker(broker, { mode: 'inline', giveUpAfter: 20, patience: 0, logger })
    const sending = slow.kiq()
    expect(await warned).toMatch(/kiq\(\) of task 'slow'.*waits, and nothing moves/)
    await expect(app.idle()).rejects.toThrow(/task 'slow' .* running .*app.clock.advance/)
    await app.clock.advance('21m')
    await expect((await sending).result()).rejects.toThrow(/timeout of 1200000 ms/)
  })

  it('handles a thousand messages of one call, in order', async () => {
    const broker = newBroker()
    const order: number[] = []
    const work = broker.task('work', async (n: number) => void order.push(n))
    await using _app = testBroker(broker, { mode: 'inline' })
    await work.kiqMany(Array.from({ length: 1_000 }, (_, i) => [i] as [number]))
    expect(order).toEqual(Array.from({ length: 1_000 }, (_, i) => i))
  })
})
