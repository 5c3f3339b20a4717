import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import {
  TaskCancelledError,
  TaskContext,
  createBroker,
  silentLogger,
  type Broker,
} from '../../../src/index.ts'
import { StalledError, testBroker } from '../../../src/testing/index.ts'

const newBroker = (): Broker => createBroker({ transport: 'memory:', logger: silentLogger })

describe('the journal of a broker under test', () => {
  it('has what was sent to a task, typed, in order', async () => {
    const broker = newBroker()
    const add = broker.task('add', async (a: number, b: number) => a + b)
    const other = broker.task('other', async () => {})
    await using app = testBroker(broker, { mode: 'inline' })
    await add.kiq(1, 2)
    await other.kiq()
    await add.kicker().withLabels({ tenant: 'acme' }).withPriority('high').withDelay('1m').kiq(3, 4)
    const [first, second] = app.sent(add)
    const sum: number = (first?.args[0] ?? 0) + (second?.args[1] ?? 0)
    expect(sum).toBe(5)
    // @ts-expect-error there is no third argument
    expect(first?.args[2]).toBeUndefined()
    expect(first).toEqual({
      taskId: app.settled(add)[0]?.taskId,
      task: 'add',
      args: [1, 2],
      labels: {},
      queue: 'default',
      priority: 4,
      sentAt: app.clock.now(),
      delay: 0,
      parentId: undefined,
    })
    expect(second).toMatchObject({
      args: [3, 4],
      labels: { tenant: 'acme', priority: 7 },
      priority: 7,
      delay: 60_000,
    })
    expect(app.sent().map(({ task }) => task)).toEqual(['add', 'other', 'add'])
    expect(() => app.sent({ name: 'add' } as never)).toThrow(/not a task/)
  })

  it('has the arguments as calls had them, whichever way they travelled', async () => {
    const broker = newBroker()
    const input = z.object({ text: z.string(), words: z.number().default(3) })
    const local = broker.task({ name: 'local', input }, async ({ text }) => text)
    const python = broker.remoteTask({ name: 'python', input, output: z.number() })
    const named = broker.remoteTask<[a: number, b?: string], void>({
      name: 'named',
      params: ['a', 'b'],
    })
    const bare = broker.remoteTask<[n: number], void>('bare')
    const rich = broker.task('rich', async (_at: Date, _of: { big: bigint }) => {})
    await using app = testBroker(broker, { mode: 'inline' })
    await local.kiq({ text: 'a' })
    await python.kiq({ text: 'b', words: 1 })
    await named.kiq(1)
    await named.kiq(1, 'x')
    await bare.kiq(7)
    await rich.kiq(new Date(5), { big: 1n })
    expect(app.sent(local).map(({ args }) => args)).toEqual([[{ text: 'a' }]])
    expect(app.sent(python).map(({ args }) => args[0].words)).toEqual([1])
    expect(app.sent(named).map(({ args }) => args)).toEqual([[1], [1, 'x']])
    expect(app.sent(bare).map(({ args }) => args)).toEqual([[7]])
    expect(app.sent(rich).map(({ args }) => args)).toEqual([[new Date(5), { big: 1n }]])
    // Without the task only what travelled is known.
    expect(app.sent().map(({ args }) => args)).toEqual([
      ...[[{ text: 'a' }], [{ text: 'b', words: 1 }], [{ a: 1 }], [{ a: 1, b: 'x' }], [7]],
      [new Date(5), { big: 1n }],
    ])
  })

  it('keeps what was sent as it was, whatever becomes of the object', async () => {
    const broker = newBroker()
    const work = broker.task('work', async (list: number[]) => void list.push(99))
    await using app = testBroker(broker, { mode: 'inline' })
    const mine = [1]
    await work.kiq(mine)
    mine.push(2)
    expect(app.sent(work)[0]?.args).toEqual([[1]])
  })

  it('has what ended, with values, errors and the number of runs', async () => {
    const broker = newBroker()
    const work = broker.task(
      { name: 'work', retry: { max: 1, backoff: 0 }, deps: { ctx: TaskContext } },
      async ({ ctx }, how: 'well' | 'late' | 'badly' | 'not') => {
        if (how === 'not') ctx.reject('not for me')
        if (how === 'badly' || (how === 'late' && ctx.attempt === 1)) throw new Error(how)
        return { how }
      },
    )
    await using app = testBroker(broker, { mode: 'inline' })
    await work.kiqMany([['well'], ['late'], ['badly'], ['not']])
    const delayed = await work.kicker().withDelay('1m').kiq('well')
    await delayed.cancel('superseded')
    const ends = app.settled(work)
    expect(ends.map(({ status, attempt, args }) => [status, attempt, args[0]])).toEqual([
      ['succeeded', 1, 'well'],
      ['succeeded', 2, 'late'],
      ['failed', 2, 'badly'],
      ['dead', 1, 'not'],
      ['cancelled', 1, 'well'],
    ])
    const how: string | undefined = ends[0]?.returnValue?.how
    expect(how).toBe('well')
    expect(ends[4]?.error).toBeInstanceOf(TaskCancelledError)
    expect(app.failures.map(({ status }) => status)).toEqual(['failed', 'dead', 'cancelled'])
    expect(app.settled()).toHaveLength(5)
  })

  it('has ends without results too', async () => {
    const broker = newBroker()
    const mute = broker.task({ name: 'mute', result: false }, async (fail: boolean) => {
      if (fail) throw new Error('quietly')
      return 5
    })
    await using app = testBroker(broker, { mode: 'inline' })
    await mute.kiq(false)
    await mute.kiq(true)
    expect(app.settled(mute)).toMatchObject([
      { status: 'succeeded', returnValue: null },
      { status: 'failed', error: { message: expect.stringContaining('quietly') as string } },
    ])
  })

  it('tells the life of a message, event by event', async () => {
    const broker = newBroker()
    const work = broker.task(
      { name: 'work', retry: { max: 1, backoff: '1m' }, deps: { ctx: TaskContext } },
      async ({ ctx }) => {
        if (ctx.attempt === 1) throw new Error('once')
      },
    )
    await using app = testBroker(broker, { mode: 'inline' })
    const start = app.clock.now()
    const { taskId } = await work.kiq()
    await app.drain()
    const worker = 'worker-1'
    const task = 'work'
    expect(app.journal).toEqual([
      { at: start, kind: 'sent', task, taskId },
      { at: start, kind: 'claimed', task, taskId, worker },
      { at: start, kind: 'started', task, taskId, worker, attempt: 1 },
      { at: start, kind: 'retrying', task, taskId, worker, detail: 'in 60000 ms' },
      { at: start + 60_000, kind: 'claimed', task, taskId, worker },
      { at: start + 60_000, kind: 'started', task, taskId, worker, attempt: 2 },
      { at: start + 60_000, kind: 'succeeded', task, taskId, worker },
    ])
  })

  it('does not fail of bytes that are no message', async () => {
    const broker = newBroker()
    broker.task('work', async () => {})
    await using app = testBroker(broker, { mode: 'concurrent', seed: 1 })
    await broker.start()
    const { runtimeOf } = await import('../../../src/broker/runtime.ts')
    const envelope = { id: 'x', queue: 'default', priority: 4, body: 'no json' }
    await runtimeOf(broker).transport.send([envelope])
    await app.idle()
    expect(app.settled()).toMatchObject([{ taskId: 'x', status: 'dead', args: [] }])
  })
})

describe('waiting for a task under test', () => {
  it('resolves with what has ended, those from before included', async () => {
    const broker = newBroker()
    const step = broker.task('step', async (n: number) => {
      if (n > 0) await step.kiq(n - 1)
      return n
    })
    await using app = testBroker(broker, { mode: 'concurrent', seed: 5 })
    const early = app.waitFor(step, 3)
    await step.kiq(2)
    const values: (number | null)[] = (await early).map(({ returnValue }) => returnValue)
    expect(new Set(values)).toEqual(new Set([0, 1, 2]))
    expect(await app.waitFor(step)).toHaveLength(3)
  })

  it('is given up when no more will come', async () => {
    const broker = newBroker()
    const work = broker.task('work', async () => {})
    await using app = testBroker(broker, { mode: 'concurrent', seed: 5, giveUpAfter: 10 })
    await work.kicker().withDelay('1h').kiq()
    const error: unknown = await app.waitFor(work).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(StalledError)
    expect((error as Error).message).toMatch(
      /^waitFor\('work', 1\) waits, and nothing moves: 1 message is scheduled for later.*TASKWRIGHT_SEED=5\)$/s,
    )
    await app.clock.advance('1h')
    expect(await app.waitFor(work)).toHaveLength(1)
  })
})

describe('a stub', () => {
  it('runs in the place of a task, typed, without its dependencies', async () => {
    const broker = newBroker()
    const real = broker.task(
      { name: 'real', deps: { ctx: TaskContext }, retry: { max: 2, backoff: 0 } },
      async (_, id: string): Promise<number> => {
        throw new Error(`real ${id}`)
      },
    )
    await using app = testBroker(broker, { mode: 'inline' })
    let failures = 1
    app.stub(real, (id) => {
      if (failures-- > 0) throw new Error('once')
      return id.length
    })
    // The policy of the task holds for its stand-in.
    expect(await (await real.kiq('four')).result()).toBe(4)
    // @ts-expect-error another result
    app.stub(real, async () => 'text')
    // @ts-expect-error another argument
    app.stub(real, async (id: number) => id)
  })

  it('gets input as it was sent, and named arguments, and is gone after the test', async () => {
    const broker = newBroker()
    const input = z.object({ n: z.string().transform(Number) })
    const local = broker.task({ name: 'local', input }, async ({ n }) => n)
    const python = broker.remoteTask<[a: number, b: number], number>({
      name: 'python',
      params: ['a', 'b'],
    })
    {
      await using app = testBroker(broker, { mode: 'inline' })
      app.stub(local, async (given) => given.n.length)
      app.stub(python, async (a, b) => a - b)
      expect(await (await local.kiq({ n: '444' })).result()).toBe(3)
      expect(await (await python.kiq(10, 4)).result()).toBe(6)
    }
    await using _app = testBroker(broker, { mode: 'inline' })
    expect(await (await local.kiq({ n: '4' })).result()).toBe(4)
    await expect((await python.kiq(10, 4)).result()).rejects.toThrow(/no task 'python'/)
  })
})
