import { afterEach, describe, expect, it, vi } from 'vitest'
import { createBroker } from '../../../src/broker/create-broker.ts'
import type { BrokerOptions } from '../../../src/broker/broker-options.ts'
import { isBroker } from '../../../src/broker/broker-identity.ts'
import { runtimeOf } from '../../../src/broker/runtime.ts'
import { sharedTasks } from '../../../src/broker/shared-tasks.ts'
import { DefinitionError } from '../../../src/core/errors.ts'
import { silentLogger } from '../../../src/core/logger.ts'
import { dependency } from '../../../src/dependencies/dependency.ts'
import { TaskContext } from '../../../src/dependencies/task-context.ts'
import { memoryTransport } from '../../../src/memory/memory-transport.ts'
import { altered, recording, thrownBy } from './stage.ts'

const open: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of open.splice(0)) await close()
})
function newBroker(options: Partial<BrokerOptions> = {}) {
  const broker = createBroker({ transport: 'memory:', logger: silentLogger, ...options })
  open.push(() => broker.stop())
  return broker
}

describe('createBroker', () => {
  it('takes a URL or options, and opens nothing', async () => {
    expect(createBroker('memory:').description).toBe('memory')
    const start = vi.fn()
    const broker = newBroker({ transport: altered(() => ({ start })) })
    expect(isBroker(broker)).toBe(true)
    expect(isBroker(null)).toBe(false)
    expect(start).not.toHaveBeenCalled()
    await using disposed = createBroker({ transport: memoryTransport() })
    expect(disposed.dependencyOverrides).toBeDefined()
  })

  it.each<[string, unknown, RegExp]>([
    ['nothing', undefined, /needs a URL or options/],
    ['null', null, /needs a URL or options/],
    ['an unknown option', { transport: 'memory:', retries: 3 }, /no option 'retries'\. Known: tra/],
    ['no transport', {}, /`transport` must be a URL/],
    ['a transport that is none', { transport: { kind: 'results' } }, /`transport` must be a URL/],
    ['a wrong retry', { transport: 'memory:', retry: { max: 1.5 } }, /`retry`: retry\.max is/],
    ['a wrong time to live', { transport: 'memory:', resultExpiresIn: 'x' }, /`resultExpiresIn`/],
    ['a time to live of 0', { transport: 'memory:', resultExpiresIn: 0 }, /more than 0, or false/],
    ['a wrong queue', { transport: 'memory:', queue: 'a b' }, /not a name for a queue/],
    ['a wrong queue name', { transport: 'memory:', queues: { 'a b': {} } }, /not a name for a qu/],
    ['a wrong cap', { transport: 'memory:', queues: { a: { cap: 0 } } }, /cap of queue 'a'/],
    ['a wrong whenFull', { transport: 'memory:', queues: { a: { whenFull: 'x' } } }, /whenFull of/],
  ])('refuses %s', (_, options, text) => {
    expect(() => createBroker(options as BrokerOptions)).toThrow(DefinitionError)
    expect(() => createBroker(options as BrokerOptions)).toThrow(text)
  })

  it('refuses a second task of a name, and says where the first one is', () => {
    const broker = newBroker()
    broker.task('t', async () => {})
    expect(() => broker.task('t', async () => {})).toThrow(
      /a task named 't' is already defined \(.*create-broker\.test\.ts:\d+\)/,
    )
    expect(() => broker.task('__proto__', async () => {})).not.toThrow()
  })

  it('keeps caps in the store and refuses beyond them', async () => {
    const broker = newBroker({ queues: { default: { cap: 1 }, other: { cap: null }, plain: {} } })
    const task = broker.task('t', async () => {})
    await task.kiq()
    const both = await Promise.allSettled([task.kiq(), task.kicker().withQueue('other').kiq()])
    expect(both).toMatchObject([
      { status: 'rejected', reason: { code: 'QUEUE_FULL' } },
      { status: 'fulfilled' },
    ])
  })

  it('uses another result backend', async () => {
    const other = memoryTransport()
    const broker = newBroker({
      resultBackend: {
        kind: 'results',
        name: 'other',
        create: (around) => other.create(around).results,
      },
    })
    expect(runtimeOf(broker).resultsInSettle).toBe(false)
    expect(runtimeOf(newBroker()).resultsInSettle).toBe(true)
  })

  it('writes warnings and errors to stderr, whatever is in them', () => {
    const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
    const { logger } = runtimeOf(createBroker('memory:')).surroundings
    logger.info('unasked')
    logger.warn('hm')
    const cycle: Record<string, unknown> = { big: 1n }
    cycle['self'] = cycle
    logger.error('oh', { ...cycle, error: new Error('why') })
    logger.error('no stack', { error: Object.assign(new Error('bare'), { stack: undefined }) })
    const lines = write.mock.calls.map(([text]) => String(text))
    write.mockRestore()
    expect(lines).toHaveLength(3)
    expect(lines[0]).toBe('taskwright warn: hm\n')
    expect(lines[1]).toMatch(/^taskwright error: oh .*1n.*\nError: why\n/)
    expect(lines[2]).toMatch(/\nbare\n/)
  })

  it('drops lines that the logger of the user cannot write', () => {
    const fail = () => {
      throw new Error('disk full')
    }
    const broken = { debug: fail, info: fail, warn: fail, error: fail, child: fail }
    const { logger } = runtimeOf(newBroker({ logger: broken })).surroundings
    logger.child({ a: 1 }).error('x', { b: 1 })
    const { logger: inner, lines } = recording()
    const kept = runtimeOf(newBroker({ logger: inner })).surroundings.logger
    kept.child({ a: 1 }).warn('x')
    expect(lines).toEqual([{ level: 'warn', message: 'x', fields: { a: 1 } }])
  })
})

describe('shared tasks', () => {
  it('send through the first broker that takes them in, and run in all', async () => {
    const shared = sharedTasks()
    const early = shared.task('early', async (n: number) => n + 1)
    await expect(early.kiq(1)).rejects.toMatchObject({ code: 'NOT_STARTED' })
    await expect(early(1)).rejects.toMatchObject({ code: 'NOT_STARTED' })
    await expect(early.kiqMany([[1]])).rejects.toMatchObject({ code: 'NOT_STARTED' })
    const [one, two] = [newBroker(), newBroker()]
    one.include(shared)
    one.include(shared)
    two.include(shared)
    const late = shared.task('late', async () => {})
    for (const broker of [one, two])
      expect(runtimeOf(broker).registry.all()).toMatchObject([{ name: 'early' }, { name: 'late' }])
    expect(await early(1)).toBe(2)
    await late.kiq()
    expect(await one.inspector.queues()).toMatchObject([{ queued: 1 }])
    expect(runtimeOf(one).homes).toHaveLength(2)
  })

  it('are taken in all or not at all', () => {
    const shared = sharedTasks()
    shared.task('a', async () => {})
    shared.task('b', async () => {})
    expect(() => shared.task('a', async () => {})).toThrow(/already defined/)
    const broker = newBroker()
    broker.task('b', async () => {})
    expect(() => broker.include(shared)).toThrow(/'b' is already defined/)
    expect(runtimeOf(broker).registry.get('a')).toBeUndefined()
  })
})

describe('a direct call', () => {
  it('runs the handler here with dependencies and a context of its own', async () => {
    const { logger, lines } = recording()
    const broker = newBroker({ logger })
    const value = dependency(() => 'real')
    const task = broker.task(
      { name: 't', queue: 'q', labels: { a: 1 }, deps: { value, ctx: TaskContext } },
      async ({ value: given, ctx }, n: number) => {
        await ctx.progress('x')
        ctx.logger.warn('hm')
        expect(() => ctx.commit({})).toThrow(/called directly/)
        const { queue, attempt, redeliveries, labels, parentId, rootId, signal } = ctx
        expect([parentId, rootId, signal.aborted, ctx.input]).toEqual([
          undefined,
          undefined,
          false,
          undefined,
        ])
        return { given, n, queue, attempt, redeliveries, a: labels['a'] ?? 0 }
      },
    )
    const facts = { n: 1, queue: 'q', attempt: 1, redeliveries: 0, a: 1 }
    expect(await task(1)).toEqual({ given: 'real', ...facts })
    broker.dependencyOverrides.setValue(value, 'fake')
    expect(await task(1)).toEqual({ given: 'fake', ...facts })
    expect(lines[0]).toMatchObject({ fields: { task: 't', id: expect.any(String) } })
  })

  it('throws what ctx.retry and ctx.reject throw: nothing is retried', async () => {
    const broker = newBroker()
    const cause = new Error('why')
    const task = broker.task(
      { name: 't', deps: { ctx: TaskContext } },
      async ({ ctx }, how: number) =>
        how === 0 ? ctx.reject('no') : ctx.retry(how === 1 ? undefined : { delay: '1s', cause }),
    )
    expect(await thrownBy(task(0))).toMatchObject({ code: 'TASK_REJECTED', message: 'no' })
    expect(await thrownBy(task(1))).toMatchObject({ code: 'RETRY_REQUESTED', delay: undefined })
    expect(await thrownBy(task(2))).toMatchObject({ delay: 1000, cause })
  })

  it('is a promise whatever the handler is, and validates its input', async () => {
    const broker = newBroker()
    const sync = broker.task('sync', () => {
      throw new Error('at once')
    })
    await expect(sync()).rejects.toThrow('at once')
    const input = {
      '~standard': {
        version: 1,
        vendor: 'x',
        validate: (value: unknown) =>
          value === 'bad' ? { issues: [{ message: 'bad' }] } : { value: { parsed: value } },
      },
    } as const
    const task = broker.task(
      { name: 'in', input, deps: { ctx: TaskContext } },
      async ({ ctx }, given) => [ctx.input, given, ctx.args.length] as unknown as string,
    ) as unknown as (value: unknown) => Promise<unknown>
    expect(await task('x')).toEqual([{ parsed: 'x' }, { parsed: 'x' }, 0])
    await expect(task('bad')).rejects.toMatchObject({ code: 'INVALID_INPUT', issues: ['bad'] })
  })

  it('logs a tear-down that fails after the handler did', async () => {
    const { logger, lines } = recording()
    const broker = newBroker({ logger })
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
    await expect(task()).rejects.toThrow('handler')
    await expect(
      broker.scope(async (resolve) => {
        await resolve({ bad })
        throw new Error('body')
      }),
    ).rejects.toThrow('body')
    expect(lines.map(({ message }) => message)).toEqual([
      'a dependency failed to be torn down',
      'a dependency failed to be torn down',
    ])
  })

  it('shows the bare handler', async () => {
    const broker = newBroker()
    const task = broker.task(
      { name: 't', deps: { db: dependency(() => 1) } },
      async ({ db }, n: number) => db + n,
    )
    expect(await task.handler({ db: 40 }, 2)).toBe(42)
    expect(task.name).toBe('t')
  })
})

describe('a broker', () => {
  it('gives dependencies outside a task', async () => {
    const seen: string[] = []
    const session = dependency(async function* () {
      yield 'open'
      seen.push('closed')
    })
    const broker = newBroker()
    expect(await broker.scope(async (resolve) => (await resolve({ session })).session)).toBe('open')
    expect(seen).toEqual(['closed'])
    const nested = broker.scope(async (resolve) => resolve({ ctx: TaskContext }))
    await expect(nested).rejects.toMatchObject({ code: 'DEPENDENCY' })
  })

  it('cancels and purges, malformed messages too, and each leaves a result', async () => {
    const broker = newBroker()
    const runtime = runtimeOf(broker)
    const task = broker.task('t', async () => {})
    const handles = await task.kiqMany([[], []])
    await runtime.transport.send([{ id: 'odd', queue: 'default', priority: 4, body: '{' }])
    expect(await broker.cancel([handles[0]!.taskId, 'nobody'])).toEqual([true, false])
    expect(await broker.purge('default')).toBe(2)
    expect(await broker.handle('odd').status()).toBe('cancelled')
    expect(await thrownBy(handles[0]!.result())).toMatchObject({ reason: 'cancelled' })
    expect(await thrownBy(handles[1]!.result())).toMatchObject({ reason: 'purged' })
    await expect(broker.purge('a b')).rejects.toThrow(/not a name/)
  })

  it('forgets the claims of a cancel that could not be stored, so that they are found again', async () => {
    let away = true
    const transport = altered((inner) => ({
      settle: (settlements) =>
        away ? Promise.reject(new Error('away')) : inner.settle(settlements),
    }))
    const broker = newBroker({ transport })
    const runtime = runtimeOf(broker)
    const handle = await broker.task('t', async () => {}).kiq()
    await expect(handle.cancel('why')).rejects.toThrow('away')
    away = false
    expect(await runtime.claims.recover(1000)).toMatchObject([
      { id: handle.taskId, cancelled: 'why' },
    ])
  })

  it('puts dead letters back with a fresh budget, malformed ones as they are', async () => {
    const broker = newBroker()
    const runtime = runtimeOf(broker)
    await broker.start()
    const labels = { _retries: 3, tw_expires: 5, a: 1 }
    const body = runtime.codec.encodeMessage({ id: 'x', task: 't', args: [], kwargs: {}, labels })
    await runtime.transport.send([
      { id: 'x', queue: 'q', priority: 4, body },
      { id: 'y', queue: 'q', priority: 4, body: '{' },
    ])
    const { signal } = new AbortController()
    const claims = await runtime.transport.receive({ queues: ['q'], room: 5, lease: 1000, signal })
    const outcome = { kind: 'setAside', reason: 'failed', detail: 'd' } as const
    await runtime.transport.settle(claims.map((claim) => ({ claim, outcome })))
    expect(await broker.retryDead(['x', 'y', 'z'])).toEqual(['x', 'y'])
    const [first, second] = await broker.inspector.peek('q', { limit: 5 })
    expect(runtime.codec.decodeMessage(first!.body).labels).toEqual({ a: 1 })
    expect(second?.body).toBe('{')
  })

  it('refuses everything once it is stopped', async () => {
    const broker = newBroker()
    const task = broker.task('t', async () => {})
    const handle = await task.kiq()
    await broker.stop()
    for (const call of [
      () => task.kiq(),
      () => task.kiqMany([[]]),
      () => handle.status(),
      () => handle.result(),
      () => handle.progress(),
      () => handle.cancel(),
      () => broker.cancel(['x']),
      () => broker.purge('q'),
      () => broker.retryDead([]),
      () => broker.start(),
      () => broker.scope(async () => {}),
    ])
      expect(await thrownBy(call())).toMatchObject({ code: 'NOT_STARTED' })
    await broker[Symbol.asyncDispose]()
  })
})
