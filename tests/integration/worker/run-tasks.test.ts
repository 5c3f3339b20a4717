import { randomUUID } from 'node:crypto'
import { afterEach, describe, expect, it } from 'vitest'
import * as z from 'zod'
import {
  NonRetryableError,
  TaskCancelledError,
  TaskContext,
  TaskDeadError,
  TaskFailedError,
  createBroker,
  createWorker,
  dependency,
  fixed,
  gather,
  sharedTasks,
  silentLogger,
  type Broker,
  type Worker,
  type WorkerOptions,
} from '../../../src/index.ts'

const open: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close()
})

function newBroker(): Broker {
  const broker = createBroker({ transport: 'memory:', logger: silentLogger })
  open.push(() => broker.stop())
  return broker
}

async function work(broker: Broker, options?: WorkerOptions): Promise<Worker> {
  const worker = createWorker(broker, { grace: 50, ...options })
  open.push(() => worker.stop({ timeout: 0 }))
  await worker.start()
  return worker
}

describe('a worker on the memory transport', () => {
  it('runs a task and gives its result back, typed', async () => {
    const broker = newBroker()
    const add = broker.task('add', async (a: number, b: number) => a + b)
    await work(broker)
    const handle = await add.kiq(2, 3)
    expect(await handle.result()).toBe(5)
    expect(await handle.status()).toBe('succeeded')
    expect(await handle.waitResult()).toMatchObject({ isErr: false, returnValue: 5, error: null })
  })

  it('sends many at once and gathers them in order', async () => {
    const broker = newBroker()
    const double = broker.task('double', async (n: number) => n * 2)
    await work(broker, { concurrency: 4 })
    const handles = await double.kiqMany(Array.from({ length: 500 }, (_, i) => [i] as [number]))
    expect(await gather(handles)).toEqual(Array.from({ length: 500 }, (_, i) => i * 2))
  })

  it('rebuilds the error of a failed task with its cause chain', async () => {
    const broker = newBroker()
    const fail = broker.task('fail', async () => {
      throw new RangeError('outer', { cause: new TypeError('inner') })
    })
    await work(broker)
    const handle = await fail.kiq()
    const error: unknown = await handle.result().catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(TaskFailedError)
    const cause = (error as Error).cause as Error
    expect(cause).toMatchObject({ name: 'RangeError', message: 'outer' })
    expect(cause.stack).toContain('run-tasks.test.ts')
    expect(cause.cause).toMatchObject({ name: 'TypeError', message: 'inner' })
    expect(await handle.status()).toBe('failed')
    expect(await broker.inspector.deadLetters({ limit: 10 })).toMatchObject([
      { id: handle.taskId, reason: 'failed' },
    ])
  })

  it('retries by policy with the same id, then succeeds', async () => {
    const broker = newBroker()
    const attempts: number[] = []
    const flaky = broker.task(
      { name: 'flaky', retry: { max: 3, backoff: fixed(1) }, deps: { ctx: TaskContext } },
      async ({ ctx }) => {
        attempts.push(ctx.attempt)
        if (ctx.attempt < 3) throw new Error('not yet')
        return ctx.taskId
      },
    )
    await work(broker)
    const handle = await flaky.kiq()
    expect(await handle.result()).toBe(handle.taskId)
    expect(attempts).toEqual([1, 2, 3])
  })

  it('does not retry a NonRetryableError, and ends after the last retry', async () => {
    const broker = newBroker()
    let runs = 0
    const never = broker.task({ name: 'never', retry: { max: 5, backoff: 1 } }, async () => {
      runs++
      throw new NonRetryableError('no use')
    })
    const always = broker.task({ name: 'always', retry: { max: 2, backoff: 1 } }, async () => {
      runs++
      throw new Error('again')
    })
    await work(broker)
    await expect((await never.kiq()).result()).rejects.toThrow('no use')
    expect(runs).toBe(1)
    await expect((await always.kiq()).result()).rejects.toThrow('again')
    expect(runs).toBe(4)
  })

  it('gives dependencies by name and tears them down, told of the error', async () => {
    const broker = newBroker()
    const seen: string[] = []
    const session = dependency(async function* () {
      seen.push('open')
      try {
        yield { id: 7 }
        seen.push('commit')
      } catch (error) {
        seen.push(`rollback ${(error as Error).message}`)
        throw error
      }
    })
    const ok = broker.task(
      { name: 'ok', deps: { db: session } },
      async ({ db }, n: number) => db.id + n,
    )
    const bad = broker.task({ name: 'bad', deps: { db: session } }, async () => {
      throw new Error('broken')
    })
    await work(broker)
    expect(await (await ok.kiq(1)).result()).toBe(8)
    await expect((await bad.kiq()).result()).rejects.toThrow('broken')
    expect(seen).toEqual(['open', 'commit', 'open', 'rollback broken'])
  })

  it('parses the input of a task with a schema on the worker, and checks it at send', async () => {
    const broker = newBroker()
    const parse = broker.task(
      {
        name: 'parse',
        input: z.object({ n: z.string().transform(Number), lang: z.string().default('en') }),
      },
      async ({ n, lang }) => ({ n, lang }),
    )
    await work(broker)
    expect(await (await parse.kiq({ n: '4' })).result()).toEqual({ n: 4, lang: 'en' })
    // @ts-expect-error wrong input
    await expect(parse.kiq({ n: 4 })).rejects.toThrow(/input of task 'parse'/)
  })

  it('times a run out: abort, grace, then the slot is freed and the task is reported as stuck', async () => {
    const broker = newBroker()
    const stubborn = broker.task(
      { name: 'stubborn', timeout: 20, grace: 20 },
      () => new Promise<void>(() => {}),
    )
    const polite = broker.task(
      { name: 'polite', timeout: 20, deps: { ctx: TaskContext } },
      ({ ctx }) =>
        new Promise<void>((_, reject) => {
          ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason as Error))
        }),
    )
    const worker = await work(broker, { concurrency: 1 })
    const stuck: string[] = []
    worker.on('task-stuck', ({ task }) => stuck.push(task))
    const first = await stubborn.kiq()
    const second = await polite.kiq()
    await expect(first.result()).rejects.toThrow(/timeout of 20 ms/)
    await expect(second.result()).rejects.toThrow(/timeout of 20 ms/)
    expect(stuck).toEqual(['stubborn'])
    expect(worker.counts.stuck).toBe(1)
  })

  it('cancels what waits and what runs', async () => {
    const broker = newBroker()
    const begun = deferred()
    const slow = broker.task({ name: 'slow', deps: { ctx: TaskContext } }, async ({ ctx }) => {
      begun.resolve()
      await new Promise((resolve) => ctx.signal.addEventListener('abort', resolve))
      return 'refused'
    })
    const worker = await work(broker, { concurrency: 1, prefetch: 0 })
    const running = await slow.kiq()
    const waiting = await slow.kiq()
    await begun.promise
    expect(await waiting.cancel('not wanted')).toBe(true)
    expect(await waiting.status()).toBe('cancelled')
    expect(await running.cancel('superseded')).toBe(true)
    const error: unknown = await running.result().catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(TaskCancelledError)
    expect((error as TaskCancelledError).reason).toBe('superseded')
    expect(await running.cancel()).toBe(false)
    expect(worker.counts.settled).toBe(1)
  })

  it('sets an unknown task aside, with its bytes, and its caller learns of it', async () => {
    const broker = newBroker()
    broker.task('known', async () => {})
    const elsewhere = broker.remoteTask<[], void>('elsewhere')
    await work(broker)
    const handle = await elsewhere.kiq()
    await expect(handle.result()).rejects.toBeInstanceOf(TaskDeadError)
    expect(await handle.status()).toBe('dead')
    expect(await broker.inspector.deadLetter(handle.taskId)).toMatchObject({ reason: 'unknown' })
  })

  it('forwards an unknown task to another queue', async () => {
    const broker = newBroker()
    broker.task('known', async () => {})
    const elsewhere = broker.remoteTask<[], void>('elsewhere')
    const worker = await work(broker, { unknownTask: { forward: 'python' } })
    const settled = new Promise((resolve) => worker.on('task-settled', resolve))
    const handle = await elsewhere.kiq()
    await settled
    expect(await broker.inspector.peek('python', { limit: 5 })).toMatchObject([
      { id: handle.taskId },
    ])
  })

  it('sets a rejected task aside', async () => {
    const broker = newBroker()
    const picky = broker.task(
      { name: 'picky', retry: { max: 5 }, deps: { ctx: TaskContext } },
      async ({ ctx }) => ctx.reject('not for me'),
    )
    await work(broker)
    const handle = await picky.kiq()
    await expect(handle.result()).rejects.toMatchObject({ reason: 'rejected' })
  })

  it('sets an expired message aside without running it', async () => {
    const broker = newBroker()
    let ran = false
    const late = broker.task('late', async () => {
      ran = true
    })
    const handle = await late
      .kicker()
      .withExpiry(new Date(Date.now() - 1000))
      .kiq()
    await work(broker)
    await expect(handle.result()).rejects.toMatchObject({ reason: 'expired' })
    expect(ran).toBe(false)
  })

  it('tells progress and keeps parent and root', async () => {
    const broker = newBroker()
    const child = broker.task({ name: 'child', deps: { ctx: TaskContext } }, async ({ ctx }) => [
      ctx.parentId,
      ctx.rootId,
    ])
    const parent = broker.task({ name: 'parent', deps: { ctx: TaskContext } }, async ({ ctx }) => {
      await ctx.progress('halfway', { pct: 50 })
      return (await child.kiq()).result()
    })
    await work(broker)
    const handle = await parent.kiq()
    expect(await handle.result()).toEqual([handle.taskId, handle.taskId])
    expect(await handle.progress()).toEqual({ state: 'halfway', meta: { pct: 50 } })
  })

  it('sends the same id once and tells the caller', async () => {
    const broker = newBroker()
    let runs = 0
    const once = broker.task('once', async () => ++runs)
    const kicker = once.kicker().withTaskId('order-17')
    const first = await kicker.kiq()
    const second = await kicker.kiq()
    expect([first.isDuplicate, second.isDuplicate]).toEqual([false, true])
    await work(broker)
    expect(await second.result()).toBe(1)
    const third = await kicker.kiq()
    expect(third.isDuplicate).toBe(true)
    expect(await third.result()).toBe(1)
  })

  it('stops: gives back what has not started, waits for what runs, uses up no attempt', async () => {
    const broker = newBroker()
    const begun = deferred()
    const finish = deferred()
    const slow = broker.task({ name: 'slow', deps: { ctx: TaskContext } }, async ({ ctx }) => {
      begun.resolve()
      await finish.promise
      return [ctx.attempt, ctx.redeliveries]
    })
    const worker = await work(broker, { concurrency: 1, prefetch: 5 })
    const handles = await slow.kiqMany([[], [], []])
    await begun.promise
    const stopping = worker.stop()
    finish.resolve()
    await stopping
    expect(await broker.inspector.queues()).toMatchObject([{ queued: 2, running: 0 }])
    await work(broker)
    expect(await gather(handles)).toEqual([
      [1, 0],
      [1, 0],
      [1, 0],
    ])
  })

  it('aborts and gives back at the end of its patience', async () => {
    const broker = newBroker()
    const begun = deferred()
    let reason: unknown
    const slow = broker.task({ name: 'slow', deps: { ctx: TaskContext } }, async ({ ctx }) => {
      begun.resolve()
      if (reason === undefined) {
        await new Promise((_, reject) =>
          ctx.signal.addEventListener('abort', () => reject((reason = ctx.signal.reason as Error))),
        )
      }
      return [ctx.attempt, ctx.redeliveries]
    })
    const worker = await work(broker)
    const handle = await slow.kiq()
    await begun.promise
    await worker.stop({ timeout: 0 })
    expect(await handle.status()).toBe('queued')
    await work(broker)
    expect(await handle.result()).toEqual([1, 0])
    expect((reason as Error).message).toMatch(/shutting down/)
  })

  it('stops by itself after maxTasks', async () => {
    const broker = newBroker()
    const noop = broker.task('noop', async () => {})
    const worker = await work(broker, { maxTasks: 3, concurrency: 2, prefetch: 0 })
    await noop.kiqMany([[], [], [], [], []])
    await worker.stopped
    expect(worker.counts.settled).toBe(3)
    expect(await broker.inspector.queues()).toMatchObject([{ queued: 2 }])
  })

  it('runs shared tasks that a broker has taken in', async () => {
    const shared = sharedTasks()
    const hello = shared.task('hello', async (name: string) => `hello ${name}`)
    await expect(hello.kiq('x')).rejects.toThrow(/broker.include/)
    const broker = newBroker()
    broker.include(shared)
    await work(broker)
    expect(await (await hello.kiq('you')).result()).toBe('hello you')
  })

  it('purges a queue: every message ends as cancelled', async () => {
    const broker = newBroker()
    const noop = broker.task('noop', async () => {})
    const handles = await noop.kiqMany([[], []])
    const later = await noop.kicker().withDelay('1h').kiq()
    expect(await broker.purge('default')).toBe(3)
    for (const handle of [...handles, later])
      await expect(handle.result()).rejects.toThrow(/purged/)
  })

  it('puts a dead letter back with a fresh retry budget', async () => {
    const broker = newBroker()
    let broken = true
    const attempts: number[] = []
    const flaky = broker.task(
      { name: 'flaky', retry: { max: 1, backoff: 1 }, deps: { ctx: TaskContext } },
      async ({ ctx }) => {
        attempts.push(ctx.attempt)
        if (broken) throw new Error('broken')
        return 'mended'
      },
    )
    await work(broker)
    const handle = await flaky.kiq()
    await expect(handle.result()).rejects.toThrow('broken')
    broken = false
    expect(await broker.retryDead([handle.taskId])).toEqual([handle.taskId])
    expect(await handle.result()).toBe('mended')
    expect(attempts).toEqual([1, 2, 1])
  })

  it('calls a task directly, dependencies and all', async () => {
    const broker = newBroker()
    const num = dependency(() => 5)
    const add = broker.task(
      { name: 'add', deps: { num } },
      async ({ num: five }, n: number) => five + n,
    )
    expect(await add(2)).toBe(7)
    expect(await add.handler({ num: 1 }, 2)).toBe(3)
    broker.dependencyOverrides.setValue(num, 100)
    expect(await add(2)).toBe(102)
    expect(await broker.scope(async (resolve) => (await resolve({ num })).num)).toBe(100)
  })

  it('fails a task whose result cannot travel', async () => {
    const broker = newBroker()
    const bad = broker.task('bad', (): string => JSON.parse('"x"', () => new Map()) as string)
    await work(broker)
    const handle = await bad.kiq()
    await expect(handle.result()).rejects.toThrow(/cannot be stored/)
  })

  it('binds named arguments by params, or says why not', async () => {
    const store = `memory:${randomUUID()}`
    const broker = createBroker({ transport: store, logger: silentLogger })
    const caller = createBroker({ transport: store, logger: silentLogger })
    open.push(
      () => broker.stop(),
      () => caller.stop(),
    )
    broker.task({ name: 'named', params: ['a', 'b'] }, async (a: number, b: number) => a - b)
    broker.task('bare', async (a: number) => a)
    const named = caller.remoteTask<[b: number, a: number], number>({
      name: 'named',
      params: ['b', 'a'],
    })
    const bare = caller.remoteTask<[a: number], number>({ name: 'bare', params: ['a'] })
    const wrong = caller.remoteTask<[c: number], number>({ name: 'named', params: ['c'] })
    await work(broker)
    expect(await (await named.kiq(1, 10)).result()).toBe(9)
    await expect((await bare.kiq(1)).result()).rejects.toThrow(
      /takes its arguments by position, but the message names a/,
    )
    await expect((await wrong.kiq(1)).result()).rejects.toThrow(/has no argument 'c'/)
  })
})

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve: () => void = () => {}
  const promise = new Promise<void>((done) => (resolve = done))
  return { promise, resolve }
}
