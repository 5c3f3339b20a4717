import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  NotStartedError,
  TaskContext,
  UnsupportedError,
  createBroker,
  createWorker,
  dependency,
  logTo,
  sharedTasks,
  silentLogger,
  type Broker,
  type TransportFactory,
} from '../../../src/index.ts'
import { memoryTransport } from '../../../src/memory/index.ts'
import { testBroker } from '../../../src/testing/index.ts'

const newBroker = (): Broker => createBroker({ transport: 'memory:', logger: silentLogger })

describe('a broker under test', () => {
  it('opens nothing of the real store', async () => {
    const file = join(tmpdir(), `taskwright-never-${process.pid}.db`)
    const broker = createBroker({ transport: `sqlite:${file}`, logger: silentLogger })
    const work = broker.task('work', async () => 1)
    {
      await using _app = testBroker(broker, { mode: 'inline' })
      await work.kiq()
      expect(broker.description).toBe('memory')
      expect(await broker.inspector.queues()).toMatchObject([{ queue: 'default', queued: 0 }])
    }
    expect(broker.description).toContain('sqlite')
    expect(existsSync(file)).toBe(false)
  })

  it('is its own again afterwards, with nothing of the test in it', async () => {
    const broker = newBroker()
    const work = broker.task('work', async (n: number) => n)
    {
      await using app = testBroker(broker, { mode: 'inline' })
      await work.kiq(1)
      await work.kicker().withDelay('1h').kiq(2)
      expect(app.sent(work)).toHaveLength(2)
    }
    const handle = await work.kiq(3)
    expect(await handle.status()).toBe('queued')
    expect(await broker.inspector.queues()).toMatchObject([{ queued: 1, scheduled: 0 }])
    const worker = createWorker(broker)
    await worker.start()
    expect(await handle.result()).toBe(3)
    await worker.stop()
    await broker.stop()
  })

  it('does not touch what the real store holds', async () => {
    const broker = newBroker()
    const work = broker.task('work', async (n: number) => n)
    const before = await work.kiq(1)
    {
      await using app = testBroker(broker, { mode: 'concurrent', seed: 1 })
      await work.kiq(2)
      await app.idle()
      expect(app.settled(work).map(({ returnValue }) => returnValue)).toEqual([2])
    }
    expect(await before.status()).toBe('queued')
    await broker.stop()
  })

  it('can be put under test again and again, but not twice at once', async () => {
    const broker = newBroker()
    const work = broker.task('work', async () => 1)
    for (let i = 0; i < 3; i++) {
      await using app = testBroker(broker, { mode: 'inline' })
      expect(app.sent()).toEqual([])
      await work.kiq()
      expect(app.sent()).toHaveLength(1)
      expect(() => testBroker(broker, { mode: 'inline' })).toThrow(/under test already/)
    }
  })

  it('leaves other brokers alone', async () => {
    const [a, b] = [newBroker(), newBroker()]
    const onA = a.task('onA', async () => 'a')
    const onB = b.task('onB', async () => void (await onA.kiq()))
    await using appA = testBroker(a, { mode: 'inline' })
    {
      await using appB = testBroker(b, { mode: 'inline' })
      await onB.kiq()
      expect([appA.sent().length, appB.sent().length]).toEqual([1, 1])
    }
    expect(await (await onA.kiq()).result()).toBe('a')
    const handle = await onB.kiq()
    expect(await handle.status()).toBe('queued')
    await b.stop()
  })

  it('redirects shared tasks, also those that are taken in during the test', async () => {
    const broker = newBroker()
    const [early, late] = [sharedTasks(), sharedTasks()]
    const first = early.task('first', async () => 1)
    const second = late.task('second', async () => 2)
    broker.include(early)
    {
      await using app = testBroker(broker, { mode: 'inline' })
      await first.kiq()
      broker.include(late)
      await second.kiq()
      const third = early.task('third', async () => 3)
      expect(await (await third.kiq()).result()).toBe(3)
      expect(app.sent().map(({ task }) => task)).toEqual(['first', 'second', 'third'])
    }
    expect(await (await first.kiq()).status()).toBe('queued')
    expect(await (await second.kiq()).status()).toBe('queued')
    await broker.stop()
  })

  it('can be restored and stopped although nothing was ever sent', async () => {
    const app = testBroker(newBroker(), { mode: 'concurrent', seed: 1 })
    await app.dispose()
    await app.dispose()
    await expect(app.idle()).rejects.toBeInstanceOf(NotStartedError)
    await expect(app.drain()).rejects.toThrow(/disposed/)
    expect(app.journal).toEqual([])
  })

  it('says when a handler outlives its test, and aborts it', async () => {
    const lines: string[] = []
    const logger = logTo((_, message) => void lines.push(message))
    const broker = newBroker()
    const aborted: string[] = []
    const polite = broker.task({ name: 'polite', deps: { ctx: TaskContext } }, ({ ctx }) => {
      return new Promise<void>((_, reject) => {
        ctx.signal.addEventListener('abort', () => {
          aborted.push((ctx.signal.reason as Error).message)
          reject(ctx.signal.reason as Error)
        })
      })
    })
    const hung = broker.task('hung', () => new Promise<void>(() => {}))
    const app = testBroker(broker, { mode: 'concurrent', seed: 1, patience: 1, logger })
    await polite.kiq()
    await app.clock.advance(0)
    await app.dispose()
    expect(aborted).toEqual(['the worker is shutting down'])
    expect(lines.filter((line) => line.includes('still runs at the end'))).toEqual([])
    const again = testBroker(broker, { mode: 'concurrent', seed: 1, patience: 1, logger })
    await hung.kiq()
    await again.clock.advance(0)
    await again.dispose()
    expect(lines.filter((line) => line.includes('still runs at the end'))).toHaveLength(1)
  })

  it.each(['inline', 'concurrent'] as const)(
    'waits for a worker that the code under test has started, %s',
    async (mode) => {
      const broker = newBroker()
      const ran: string[] = []
      const work = broker.task('work', async (name: string) => {
        await readFile(import.meta.filename)
        ran.push(name)
      })
      await using app = testBroker(broker, { mode, seed: 1 })
      await using worker = createWorker(broker, { concurrency: 1, prefetch: 0 })
      await worker.start()
      await work.kiqMany([['a'], ['b'], ['c'], ['d']])
      await app.idle()
      expect(ran.toSorted()).toEqual(['a', 'b', 'c', 'd'])
      expect(app.clock.monotonic()).toBe(0)
      expect(app.settled(work)).toHaveLength(4)
    },
  )

  it('outlives a broker.stop() of the code under test, and so does the broker', async () => {
    const broker = newBroker()
    const work = broker.task('work', async () => 1)
    {
      await using app = testBroker(broker, { mode: 'inline' })
      expect(await (await work.kiq()).result()).toBe(1)
      await broker.stop()
      await expect(work.kiq()).rejects.toBeInstanceOf(NotStartedError)
      expect(app.sent(work)).toHaveLength(1)
    }
    expect(await (await work.kiq()).status()).toBe('queued')
    await broker.stop()
  })

  it('does not come up when a middleware does not', async () => {
    let broken = true
    const broker = createBroker({
      transport: 'memory:',
      logger: silentLogger,
      middlewares: [
        {
          start: () => {
            if (broken) throw new Error('no metrics')
          },
        },
      ],
    })
    const work = broker.task('work', async () => 1)
    await using app = testBroker(broker, { mode: 'inline' })
    await expect(work.kiq()).rejects.toThrow('no metrics')
    await expect(app.idle()).rejects.toThrow('no metrics')
    broken = false
    expect(await (await work.kiq()).result()).toBe(1)
  })

  it.each([
    [{ mode: 'eager' }, /needs a mode/],
    [{}, /needs a mode/],
    [{ mode: 'inline', speed: 2 }, /no option 'speed'.*patience/],
    [{ mode: 'concurrent', workers: 0 }, /workers is a whole number/],
    [{ mode: 'concurrent', worker: { concurency: 1 } }, /createWorker has no option 'concurency'/],
    [{ mode: 'inline', patience: 'soon' }, /not a duration/],
  ])('refuses the options %j', async (options, message) => {
    const broker = newBroker()
    const work = broker.task('work', async () => 1)
    const make = async (): Promise<void> => {
      await using _app = testBroker(broker, options as { mode: 'inline' })
      await work.kiq()
    }
    await expect(make()).rejects.toThrow(message)
    await using _fine = testBroker(broker, { mode: 'inline' })
  })

  it('refuses what is no broker', () => {
    expect(() => testBroker({} as Broker, { mode: 'inline' })).toThrow(/not a Taskwright broker/)
  })
})

describe('dependencies of a broker under test', () => {
  const greeting = dependency(() => 'hello', { name: 'greeting' })
  const name = dependency(() => 'nobody', { name: 'name' })

  function greeter(): { broker: Broker; greet: () => Promise<string> } {
    const broker = newBroker()
    const task = broker.task({ name: 'greet', deps: { greeting, name } }, async (deps) => {
      return `${deps.greeting} ${deps.name}`
    })
    return { broker, greet: async () => (await task.kiq()).result() }
  }

  it('are overridden for the test only', async () => {
    const { broker, greet } = greeter()
    {
      await using app = testBroker(broker, { mode: 'inline' })
      app.dependencyOverrides.setValue(greeting, 'ahoy')
      expect(await greet()).toBe('ahoy nobody')
      expect(broker.dependencyOverrides).toBe(app.dependencyOverrides)
    }
    expect(broker.dependencyOverrides.table.size).toBe(0)
    await using _again = testBroker(broker, { mode: 'inline' })
    expect(await greet()).toBe('hello nobody')
  })

  it('keep the overrides of the broker, which the test may override in turn', async () => {
    const { broker, greet } = greeter()
    broker.dependencyOverrides.setValue(name, 'Ada')
    broker.dependencyOverrides.set(
      greeting,
      dependency(() => 'good day'),
    )
    {
      await using app = testBroker(broker, { mode: 'inline' })
      expect(await greet()).toBe('good day Ada')
      app.dependencyOverrides.setValue(name, 'Grace')
      app.dependencyOverrides.delete(greeting)
      expect(await greet()).toBe('hello Grace')
    }
    expect(broker.dependencyOverrides.table.size).toBe(2)
    await using _again = testBroker(broker, { mode: 'inline' })
    expect(await greet()).toBe('good day Ada')
  })

  it('hold for the direct call and for broker.scope too', async () => {
    const { broker } = greeter()
    const direct = broker.task({ name: 'direct', deps: { name } }, async (deps) => deps.name)
    await using app = testBroker(broker, { mode: 'inline' })
    app.dependencyOverrides.setValue(name, 'Ada')
    expect(await direct()).toBe('Ada')
    expect(await broker.scope(async (resolve) => (await resolve({ name })).name)).toBe('Ada')
  })

  it('of the process are made for the test, shared by its workers, and torn down with it', async () => {
    const broker = newBroker()
    let made = 0
    let ended = 0
    const pool = dependency(
      async function* () {
        yield ++made
        ended++
      },
      { scope: 'process' },
    )
    const work = broker.task({ name: 'work', deps: { pool } }, async (deps) => deps.pool)
    {
      await using app = testBroker(broker, { mode: 'concurrent', seed: 2, workers: 3 })
      await work.kiqMany(Array.from({ length: 10 }, () => []))
      await app.idle()
      expect([made, ended]).toEqual([1, 0])
    }
    expect([made, ended]).toEqual([1, 1])
    await using _app = testBroker(broker, { mode: 'inline' })
    expect(await (await work.kiq()).result()).toBe(2)
  })

  it('are typed', async () => {
    await using app = testBroker(newBroker(), { mode: 'inline' })
    const five = dependency(() => 5)
    // @ts-expect-error another type
    app.dependencyOverrides.set(greeting, five)
    // @ts-expect-error another type
    app.dependencyOverrides.setValue(greeting, 5)
  })
})

describe('a test stands in for the real transport', () => {
  it('with the codec that was chosen for it', async () => {
    const foreign: TransportFactory = {
      ...memoryTransport(),
      create: (surroundings) => {
        const opened = memoryTransport().create(surroundings)
        const capabilities = { ...opened.transport.capabilities, foreignReaders: true }
        return {
          ...opened,
          transport: Object.assign(Object.create(opened.transport), { capabilities }),
        }
      },
    }
    const arrives = async (transport: TransportFactory): Promise<unknown> => {
      const broker = createBroker({ transport, logger: silentLogger })
      const seen: unknown[] = []
      const work = broker.task('work', async (at: Date) => void seen.push(at))
      await using _app = testBroker(broker, { mode: 'inline' })
      await work.kiq(new Date(0))
      return seen[0]
    }
    expect(await arrives(memoryTransport())).toEqual(new Date(0))
    // Python reads that queue: a date travels as text there, and so it does in the test.
    expect(await arrives(foreign)).toBe('1970-01-01T00:00:00.000Z')
  })

  it('with no more than it can do', async () => {
    const poor: TransportFactory = {
      ...memoryTransport(),
      create: (surroundings) => {
        const opened = memoryTransport().create(surroundings)
        const capabilities = { ...opened.transport.capabilities, delayed: false }
        return {
          ...opened,
          transport: Object.assign(Object.create(opened.transport), { capabilities }),
        }
      },
    }
    const broker = createBroker({ transport: poor, logger: silentLogger })
    const work = broker.task('work', async () => 1)
    await using _app = testBroker(broker, { mode: 'inline' })
    await expect(work.kicker().withDelay('1m').kiq()).rejects.toBeInstanceOf(UnsupportedError)
    expect(await (await work.kiq()).result()).toBe(1)
  })
})
