/** What may run, for how long, and with what around it. */
import { describe, expect, it } from 'vitest'
import type { Message } from '../../../src/core/message.ts'
import type { Middleware } from '../../../src/core/middleware.ts'
import type { Labels } from '../../../src/core/labels.ts'
import type { Settlement } from '../../../src/core/settlement.ts'
import type { UserTransactions } from '../../../src/core/transport.ts'
import { dependency } from '../../../src/dependencies/dependency.ts'
import { TaskContext } from '../../../src/dependencies/task-context.ts'
import { altered, deferred, thrownBy, turns } from '../broker/stage.ts'
import { stage, type Stage } from './stage.ts'

/** Stores a message as somebody else would have written it. */
async function put({ runtime }: Stage, message: Partial<Message>, expires?: number): Promise<void> {
  const full = { id: 'm', task: 't', args: [], kwargs: {}, labels: {}, ...message }
  const body = runtime.codec.encodeMessage(full)
  await runtime.start()
  await runtime.transport.send([{ id: full.id, queue: 'default', priority: 4, body, expires }])
}

describe('a message', () => {
  it.each<[string, Partial<Message>, RegExp]>([
    [
      'expired by its label',
      { labels: { tw_expires: 5 } },
      /\(expired\): .*1970-01-01T00:00:00.005Z/,
    ],
    ['expired by a label that is no date', { labels: { tw_expires: -1e300 } }, /\(expired\): .*-1e\+300/], // prettier-ignore
    ['of a task that is unknown', { task: 'other' }, /\(unknown\): no task 'other' is registered/],
    ['of a task that is remote here', { task: 'far' }, /\(unknown\)/],
    ['with names that do not bind', { kwargs: { a: 1 } }, /takes its arguments by position/],
  ])('%s does not run', async (_, message, text) => {
    const set = stage()
    let runs = 0
    set.broker.task('t', async () => void runs++)
    set.broker.remoteTask('far')
    await put(set, message)
    const made = await set.work()
    await expect(set.broker.handle('m').result()).rejects.toThrow(text)
    expect(runs).toBe(0)
    await made.stop()
    expect(set.events('task-settled')).toMatchObject([{ id: 'm', task: message.task ?? 't' }])
  })

  it('runs though its labels say nonsense', async () => {
    const set = stage()
    set.broker.task('t', async () => 5)
    const labels = { tw_expires: 'soon', timeout: 'later', _retries: 'x', max_retries: 'y' }
    await put(set, { labels: { ...labels, tw_root: 5, tw_parent: 5 } })
    const made = await set.work()
    expect(await set.broker.handle('m').result()).toBe(5)
    await made.stop()
  })

  it('is poison when its lease was lost too often', async () => {
    const { broker, runtime, work, clock } = stage()
    let runs = 0
    const handle = await broker.task('t', async () => void runs++).kiq()
    const { signal } = new AbortController()
    const request = { queues: ['default'], room: 1, lease: 100, signal }
    for (let i = 0; i < 3; i++) {
      await runtime.transport.receive(request)
      await clock.advance(100)
    }
    const made = await work({ redeliveries: 2 })
    await expect(handle.result()).rejects.toMatchObject({ reason: 'poison' })
    expect(runs).toBe(0)
    await made.stop()
  })

  it('of an unknown task is given back to others where that is the policy', async () => {
    const { broker, work, clock } = stage()
    broker.task('known', async () => {})
    const handle = await broker.remoteTask<[], void>('elsewhere').kiq()
    const made = await work({ unknownTask: 'give-back' })
    await turns(100)
    expect(await handle.status()).toMatch(/retrying|scheduled/)
    await clock.advance(1999)
    await made.stop()
    expect(await handle.status()).toMatch(/retrying|scheduled/)
  })
})

describe('a timeout', () => {
  it.each<[string, Labels, number | undefined]>([
    ['of the task', {}, 5000],
    ['of a label, in seconds', { timeout: 2 }, 2000],
    ['of a label as a text', { timeout: '1.5' }, 1500],
    ['of a label as a big integer', { timeout: 3n }, 3000],
    ['that is tiny', { timeout: 1e-9 }, 1],
    ['of the task where the label is nonsense', { timeout: 'soon' }, 5000],
    ['of the task where the label is no time', { timeout: -1 }, 5000],
    ['of the task where the label is a boolean', { timeout: true }, 5000],
  ])('%s holds', async (_, labels, ms) => {
    const set = stage()
    const begun = deferred()
    set.broker.task({ name: 't', timeout: '5s', deps: { ctx: TaskContext } }, ({ ctx }) => {
      begun.resolve()
      return new Promise<void>((_resolve, reject) => {
        ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason as Error))
      })
    })
    await put(set, { labels })
    const made = await set.work()
    await begun.promise
    await set.clock.advance(ms! - 1)
    expect(made.counts.running).toBe(1)
    await set.clock.advance(1)
    await expect(set.broker.handle('m').result()).rejects.toThrow(`timeout of ${ms} ms`)
    await made.stop()
  })

  it('fails a run that ends in its grace, and frees the slot of one that does not', async () => {
    const { broker, work, clock, events } = stage()
    const ends = [deferred(), deferred()]
    const task = broker.task({ name: 't', timeout: 100, grace: 50 }, async (n: number) => {
      await ends[n]!.promise
      return 'late'
    })
    const made = await work({ concurrency: 2 })
    const [first, second] = await task.kiqMany([[0], [1]])
    await clock.advance(110)
    ends[0]!.resolve()
    await clock.advance(40)
    await expect(first!.result()).rejects.toThrow(/timeout of 100 ms/)
    await expect(second!.result()).rejects.toThrow(/timeout of 100 ms/)
    expect(events('task-stuck')).toMatchObject([{ id: second!.taskId }])
    expect(made.counts).toMatchObject({ running: 0, stuck: 1 })
    ends[1]!.resolve()
    await made.stop()
  })
})

describe('a middleware around execute', () => {
  const withHooks = (middlewares: Middleware[]) => stage(undefined, { middlewares })

  it('is an onion, and may change value and failure', async () => {
    const seen: string[] = []
    const layer = (name: string): Middleware => ({
      name,
      async execute(execution, next) {
        seen.push(`${name} ${execution.message.task} ${execution.attempt} ${execution.queue}`)
        expect(execution.signal.aborted).toBe(false)
        return `${name}(${String(await next())})`
      },
    })
    const { broker, work } = withHooks([layer('a'), { name: 'none' }, layer('b')])
    const task = broker.task('t', async () => 'x')
    const made = await work()
    expect(await (await task.kiq()).result()).toBe('a(b(x))')
    expect(seen).toEqual(['a t 1 default', 'b t 1 default'])
    await made.stop()
  })

  it.each<[string, Middleware, RegExp, number]>([
    ['throws before next', { execute: () => Promise.reject(new Error('before')) }, /before/, 0],
    ['throws after it', { execute: async (_, next) => next().then(() => Promise.reject(new Error('after'))) }, /after/, 1], // prettier-ignore
    ['does not call it', { name: 'lazy', execute: async () => 5 }, /'lazy' answered without/, 0],
    ['calls it twice', { execute: async (_, next) => next().then(next) }, /'0' called next twice/, 1], // prettier-ignore
  ])('that %s fails the run, and loses nothing', async (_, middleware, text, expected) => {
    const { broker, work } = withHooks([middleware])
    let runs = 0
    const handle = await broker.task('t', async () => ++runs).kiq()
    const made = await work()
    await expect(handle.result()).rejects.toThrow(text)
    expect([runs, await handle.status()]).toEqual([expected, 'failed'])
    await made.stop()
  })

  it('is retried by the policy of the task', async () => {
    let fail = true
    const { broker, work, clock } = withHooks([
      { execute: (_, next) => (fail ? Promise.reject(new Error('x')) : next()) },
    ])
    const task = broker.task({ name: 't', retry: { max: 1, backoff: '1s' } }, async () => 'done')
    const made = await work()
    const handle = await task.kiq()
    await clock.advance(500)
    fail = false
    await clock.advance(500)
    expect(await handle.result()).toBe('done')
    await made.stop()
  })
})

describe('a broken retry policy', () => {
  it('is told of, and the task is retried', async () => {
    const { broker, work, clock, lines } = stage()
    let fail = true
    const only = (): boolean => {
      throw new Error('broken predicate')
    }
    const task = broker.task({ name: 't', retry: { max: 1, only } }, async () => {
      if (fail) throw new Error('x')
      return 5
    })
    const made = await work()
    const handle = await task.kiq()
    await turns(100)
    fail = false
    await clock.advance(1000)
    expect(await handle.result()).toBe(5)
    expect(lines.map(({ message }) => message)).toContain('the retry policy of a task threw')
    await made.stop()
  })
})

describe('a run', () => {
  it('has its dependencies torn down, and a failure of that is told', async () => {
    const { broker, work, lines } = stage()
    const bad = dependency(async function* () {
      try {
        yield 1
      } finally {
        // oxlint-disable-next-line no-unsafe-finally
        throw new Error('tear-down')
      }
    })
    const task = broker.task({ name: 't', deps: { bad } }, async () => {
      throw new Error('handler')
    })
    const made = await work()
    await expect((await task.kiq()).result()).rejects.toThrow('handler')
    expect(lines).toMatchObject([{ message: 'a dependency failed to be torn down' }])
    await made.stop()
  })

  it('has a context with everything that is known of it', async () => {
    const { broker, work, lines } = stage(undefined, { lineage: false })
    const input = {
      '~standard': { version: 1, vendor: 'x', validate: (value: unknown) => ({ value }) },
    } as const
    const task = broker.task({ name: 't', input, deps: { ctx: TaskContext } }, async ({ ctx }) => {
      const { taskName, queue, attempt, redeliveries, args, parentId, rootId, logger } = ctx
      logger.warn('hm')
      ctx.logger.warn('again')
      expect(() => ctx.commit({})).toThrow(/'memory' with results in 'memory' cannot do that/)
      await ctx.progress('half')
      expect(ctx.input).toEqual({ a: 1 })
      const line = [parentId ?? null, rootId ?? null]
      return { taskName, queue, attempt, redeliveries, args: args.length, line }
    })
    const made = await work()
    const handle = await task.kiq({ a: 1 })
    expect(await handle.result()).toEqual({
      taskName: 't',
      queue: 'default',
      attempt: 1,
      redeliveries: 0,
      args: 0,
      line: [null, null],
    })
    expect(await handle.progress()).toEqual({ state: 'half', meta: null })
    expect(lines).toMatchObject([{ fields: { id: handle.taskId, attempt: 1 } }, {}])
    await made.stop()
  })

  it('may ask for another, or reject', async () => {
    const { broker, work, clock } = stage()
    const task = broker.task(
      { name: 't', retry: { max: 2, backoff: '3s' }, deps: { ctx: TaskContext } },
      async ({ ctx }, how: string) => {
        if (how === 'reject') ctx.reject('not for me')
        if (ctx.attempt === 1) ctx.retry({ delay: '1s', cause: new Error('why') })
        if (ctx.attempt === 2) ctx.retry()
        return ctx.attempt
      },
    )
    const made = await work()
    const handle = await task.kiq('retry')
    await expect((await task.kiq('reject')).result()).rejects.toThrow('(rejected): not for me')
    await clock.advance(1000)
    expect(await handle.status()).toBe('retrying')
    await clock.advance(3000)
    expect(await handle.result()).toBe(3)
    await made.stop()
  })

  it('rejects for reasons of whatever form', async () => {
    const { broker, work } = stage()
    const task = broker.task('t', async () => {
      const odd: unknown = Object.assign(new Error('foreign'), { code: 'TASK_REJECTED' })
      throw odd
    })
    const made = await work()
    await expect((await task.kiq()).result()).rejects.toThrow('(rejected): foreign')
    await made.stop()
  })
})

describe('ctx.commit', () => {
  function transactional(settle: (settlement: Settlement) => void | Promise<void>) {
    const factory = altered(() => ({}))
    return stage(undefined, {
      transport: {
        ...factory,
        create(around) {
          const opened = factory.create(around)
          const transactions = {
            settleWithin: (_: unknown, settlement: Settlement) =>
              settle(settlement) ?? opened.transport.settle([settlement]),
          } as unknown as UserTransactions
          return { ...opened, transactions }
        },
      },
    })
  }

  it('ends the message in the transaction: the worker has nothing left to store', async () => {
    const { broker, work, clock, events } = transactional(() => {})
    const end = deferred()
    const committed = deferred()
    const task = broker.task({ name: 't', deps: { ctx: TaskContext } }, async ({ ctx }) => {
      await ctx.commit({}, 'in the transaction')
      committed.resolve()
      await end.promise
      expect(ctx.signal.aborted).toBe(false)
      return 'not this'
    })
    const made = await work()
    const handle = await task.kiq()
    await committed.promise
    // Heartbeats find the claim gone: that is no lost lease.
    await clock.advance(60_000)
    end.resolve()
    expect(await handle.result()).toBe('in the transaction')
    await made.stop()
    expect(events('task-lost')).toEqual([])
    expect(events('task-settled')).toMatchObject([{ status: 'succeeded', seconds: 60 }])
    expect(made.counts.settled).toBe(1)
  })

  it('that was not committed is a failure, unless there is another', async () => {
    // The user's transaction never ends.
    const { broker, work } = transactional(() => Promise.resolve())
    const task = broker.task(
      { name: 't', deps: { ctx: TaskContext } },
      async ({ ctx }, fail: boolean) => {
        await ctx.commit({})
        if (fail) throw new Error('own failure')
      },
    )
    const made = await work()
    const open = await thrownBy((await task.kiq(false)).result())
    expect(open).toMatchObject({ cause: { code: 'TRANSACTION' } })
    await expect((await task.kiq(true)).result()).rejects.toThrow('own failure')
    await made.stop()
  })

  it('throws what the transaction throws', async () => {
    const { broker, work } = transactional(() => {
      throw new Error('not open')
    })
    const task = broker.task({ name: 't', deps: { ctx: TaskContext } }, async ({ ctx }) => {
      await ctx.commit({})
    })
    const made = await work()
    await expect((await task.kiq()).result()).rejects.toThrow('not open')
    await made.stop()
  })
})
