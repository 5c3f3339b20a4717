import { readFile } from 'node:fs/promises'
import { describe, expect, it, vi } from 'vitest'
import {
  TaskContext,
  createBroker,
  exponential,
  milliseconds,
  silentLogger,
  type Broker,
  type Duration,
} from '../../../src/index.ts'
import { sleep } from '../../../src/core/clock.ts'
import { StalledError, testBroker } from '../../../src/testing/index.ts'

// Hundreds of runs in one test, on a machine that may be busy.
vi.setConfig({ testTimeout: 60_000 })

const newBroker = (): Broker => createBroker({ transport: 'memory:', logger: silentLogger })
/** Takes real time, and no timer: what a database or a network does to a handler. */
const realWork = async (): Promise<void> => {
  for (let i = 0; i < 5; i++) await readFile(import.meta.filename)
}
const modes = [{ mode: 'inline' }, { mode: 'concurrent', seed: 7 }] as const

describe.each(modes)('the clock of a broker under test, $mode', (mode) => {
  it('stands still until it is moved', async () => {
    const broker = newBroker()
    await using app = testBroker(broker, { ...mode, start: new Date('2026-03-01T05:00:00Z') })
    expect(new Date(app.clock.now()).toISOString()).toBe('2026-03-01T05:00:00.000Z')
    await realWork()
    expect(app.clock.monotonic()).toBe(0)
    await app.clock.advance('1h30m')
    expect(new Date(app.clock.now()).toISOString()).toBe('2026-03-01T06:30:00.000Z')
    expect(() => app.clock.advance(-1)).toThrow(/not a duration/)
  })

  it('starts delayed messages at their times, in their order', async () => {
    const broker = newBroker()
    const ran: [string, number][] = []
    await using app = testBroker(broker, mode)
    const start = app.clock.now()
    const note = broker.task('note', async (name: string) => {
      ran.push([name, app.clock.now() - start])
    })
    await note.kicker().withDelay('2m').kiq('second')
    await note.kicker().withDelay('1m').kiq('first')
    await note
      .kicker()
      .withEta(new Date(start + milliseconds('3m')))
      .kiq('third')
    expect(app.sent(note).map(({ delay }) => delay)).toEqual([120_000, 60_000, 180_000])
    await app.clock.advance(59_999)
    await app.idle()
    expect(ran).toEqual([])
    await app.clock.advance('10m')
    expect(ran).toEqual([
      ['first', 60_000],
      ['second', 120_000],
      ['third', 180_000],
    ])
  })

  it('goes through a whole backoff to the millisecond', async () => {
    const broker = newBroker()
    const at: number[] = []
    await using app = testBroker(broker, mode)
    const flaky = broker.task(
      { name: 'flaky', retry: { max: 4, backoff: exponential('1m', { max: '5m' }) } },
      async () => {
        at.push(app.clock.monotonic())
        throw new Error('always')
      },
    )
    const handle = await flaky.kiq()
    await app.drain()
    const minutes = [0, 1, 3, 7, 12]
    expect(at).toEqual(minutes.map((minute) => minute * 60_000))
    await expect(handle.result()).rejects.toThrow('always')
    expect(app.settled(flaky)).toMatchObject([{ status: 'failed', attempt: 5 }])
  })

  it('draws jitter from the seed', async () => {
    const times = async (seed: number): Promise<number> => {
      const broker = newBroker()
      await using app = testBroker(broker, { ...mode, seed })
      const flaky = broker.task(
        { name: 'flaky', retry: { max: 1, backoff: exponential('1h', { jitter: true }) } },
        async () => Promise.reject(new Error('always')),
      )
      await flaky.kiq()
      await app.drain()
      return app.settled(flaky)[0]?.at ?? 0
    }
    expect(await times(3)).toBe(await times(3))
    expect(await times(3)).not.toBe(await times(4))
  })

  it('times a handler out, and frees its slot after its grace', async () => {
    const broker = newBroker()
    const seen: unknown[] = []
    const polite = broker.task(
      { name: 'polite', timeout: '20m', deps: { ctx: TaskContext } },
      ({ ctx }) =>
        new Promise<void>((_, reject) => {
          ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason as Error))
        }),
    )
    const stubborn = broker.task({ name: 'stubborn', timeout: '20m', grace: '1m' }, () => {
      seen.push('stubborn')
      return new Promise<void>(() => {})
    })
    await using app = testBroker(broker, { ...mode, patience: 0 })
    const first = polite.kiq()
    await app.clock.advance('19m')
    expect(app.settled(polite)).toEqual([])
    await app.clock.advance('1m')
    await expect((await first).result()).rejects.toThrow(/timeout of 1200000 ms/)
    const second = stubborn.kiq()
    await app.clock.advance('20m')
    expect(app.settled(stubborn)).toEqual([])
    await app.clock.advance('1m')
    await expect((await second).result()).rejects.toThrow(/timeout/)
  })

  it('renews leases while a handler runs, for as long as it runs', async () => {
    const broker = newBroker()
    let runs = 0
    await using app = testBroker(broker, { ...mode, patience: 0 })
    const long = broker.task('long', async () => {
      runs++
      await sleep(app.clock, milliseconds('3h'))
      return runs
    })
    const sending = long.kiq()
    await app.clock.advance('2h')
    expect(app.settled(long)).toEqual([])
    await app.clock.advance('1h')
    expect(await (await sending).result()).toBe(1)
  })

  it('sets aside what has expired', async () => {
    const broker = newBroker()
    let runs = 0
    const offer = broker.task('offer', async () => void runs++)
    await using app = testBroker(broker, mode)
    const handle = await offer.kicker().withDelay('1h').withExpiry('30m').kiq()
    await app.drain()
    await expect(handle.result()).rejects.toMatchObject({ reason: 'expired' })
    expect(runs).toBe(0)
  })

  it('forgets results when their time is over', async () => {
    const broker = newBroker()
    const work = broker.task({ name: 'work', result: { expiresIn: '1h' } }, async () => 1)
    await using app = testBroker(broker, mode)
    const handle = await work.kiq()
    await app.idle()
    await app.clock.advance('59m')
    expect(await handle.status()).toBe('succeeded')
    await app.clock.advance('2m')
    expect(await handle.status()).toBe(null)
  })

  it('times waits of the caller by the clock', async () => {
    const broker = newBroker()
    const work = broker.task('work', async () => 1)
    await using app = testBroker(broker, mode)
    const handle = await work.kicker().withDelay('1h').kiq()
    const waiting = handle.result({ timeout: '30s' }).catch((error: Error) => error.message)
    await app.clock.advance('30s')
    expect(await waiting).toMatch(/within 30s/)
  })

  it('holds time up for a handler that does real work', async () => {
    const broker = newBroker()
    await using app = testBroker(broker, { ...mode, patience: '10s' })
    const ended: number[] = []
    const query = broker.task({ name: 'query', timeout: '5m' }, async () => {
      await realWork()
      ended.push(app.clock.monotonic())
    })
    await query.kicker().withDelay('1m').kiq()
    await query.kicker().withDelay('2m').kiq()
    await app.clock.advance('1h')
    expect(ended).toEqual([60_000, 120_000])
    expect(app.failures).toEqual([])
  })

  it('does not hold time up for a handler that waits for the test', async () => {
    const broker = newBroker()
    let open: (value: string) => void = () => {}
    const gate = new Promise<string>((resolve) => (open = resolve))
    const work = broker.task('work', () => gate)
    await using app = testBroker(broker, { ...mode, patience: 1 })
    const sending = work.kiq()
    await app.clock.advance('1h')
    expect(app.settled(work)).toEqual([])
    open('opened')
    expect(await (await sending).result()).toBe('opened')
    await app.idle()
  })

  it('drains what is scheduled, what that sends, and what waits for retries', async () => {
    const broker = newBroker()
    const ran: string[] = []
    const last = broker.task('last', async () => void ran.push('last'))
    const flaky = broker.task(
      { name: 'flaky', retry: { max: 1, backoff: '10m' }, deps: { ctx: TaskContext } },
      async ({ ctx }) => {
        ran.push(`flaky ${ctx.attempt}`)
        if (ctx.attempt === 1) throw new Error('once')
        await last.kicker().withDelay('2d').kiq()
      },
    )
    await using app = testBroker(broker, mode)
    await flaky.kicker().withDelay('1h').kiq()
    await app.drain()
    expect(ran).toEqual(['flaky 1', 'flaky 2', 'last'])
    const end: Duration = '2d'
    expect(app.clock.monotonic()).toBe(milliseconds(end) + 70 * 60_000)
    expect(await broker.inspector.queues()).toMatchObject([{ queued: 0, scheduled: 0, running: 0 }])
  })

  it('drains at once when there is nothing', async () => {
    await using app = testBroker(newBroker(), mode)
    await app.drain()
    expect(app.clock.monotonic()).toBe(0)
  })

  it('gives up draining a task that sends itself again for ever, and names it', async () => {
    const broker = newBroker()
    const again = broker.task('again', async (): Promise<void> => {
      await again.kicker().withDelay('1h').kiq()
    })
    await using app = testBroker(broker, mode)
    await again.kiq()
    await expect(app.drain({ limit: 50 })).rejects.toThrow(
      /drain\(\) has handed out 50 messages.*task 'again'.*for ever/,
    )
  })

  it('gives up draining what no worker of the test will ever take', async () => {
    const broker = newBroker()
    const legacy = broker.remoteTask<[], void>('legacy')
    await using app = testBroker(broker, { ...mode, worker: { unknownTask: 'give-back' } })
    await legacy.kiq()
    await expect(app.drain({ limit: 50 })).rejects.toThrow(/task 'legacy'/)
  })

  it('leaves alone what was forwarded to workers of elsewhere', async () => {
    const broker = newBroker()
    const legacy = broker.remoteTask<[], void>('legacy')
    const worker = { unknownTask: { forward: 'python' } } as const
    await using app = testBroker(broker, { ...mode, worker })
    const handle = await legacy.kiq()
    await app.idle()
    await app.drain()
    expect(await handle.status()).toBe('queued')
    expect(await broker.inspector.peek('python', { limit: 9 })).toHaveLength(1)
  })

  it('gives up draining when a handler waits for what never comes', async () => {
    const broker = newBroker()
    const stuck = broker.task('stuck', () => new Promise<void>(() => {}))
    await using app = testBroker(broker, { ...mode, patience: 0 })
    void stuck.kiq()
    await expect(app.drain()).rejects.toThrow(StalledError)
  })

  it('becomes idle although messages are scheduled, and waits for all that runs', async () => {
    const broker = newBroker()
    const ran: number[] = []
    const work = broker.task('work', async (n: number) => {
      await realWork()
      ran.push(n)
      if (n < 3) await work.kiq(n + 1)
    })
    await using app = testBroker(broker, mode)
    await work.kicker().withDelay('1h').kiq(10)
    await work.kiq(1)
    await app.idle()
    expect(ran.toSorted((a, b) => a - b)).toEqual([1, 2, 3])
    expect(app.clock.monotonic()).toBe(0)
  })

  it('rejects idle() with what there is when nothing moves', async () => {
    const broker = newBroker()
    const stuck = broker.task('stuck', () => new Promise<void>(() => {}))
    await using app = testBroker(broker, { ...mode, giveUpAfter: 10, patience: 0 })
    void stuck.kiq()
    const error: unknown = await app.idle().catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(StalledError)
    expect((error as Error).message).toMatch(/^idle\(\) waits, and nothing moves: task 'stuck'/)
  })

  it('rejects the wait for a result that only the clock can bring', async () => {
    const broker = newBroker()
    const work = broker.task('work', async () => 1)
    await using app = testBroker(broker, { ...mode, giveUpAfter: 10 })
    const handle = await work.kicker().withDelay('1h').kiq()
    await expect(handle.result()).rejects.toThrow(
      /the result of task \w+ waits, and nothing moves: 1 message is scheduled.*app.clock.advance/,
    )
    await app.clock.advance('1h')
    expect(await handle.result()).toBe(1)
  })

  it('lets two moves of the clock follow each other', async () => {
    const broker = newBroker()
    const at: number[] = []
    await using app = testBroker(broker, mode)
    const work = broker.task('work', async () => void at.push(app.clock.monotonic()))
    await work.kicker().withDelay('90m').kiq()
    await Promise.all([app.clock.advance('1h'), app.clock.advance('1h')])
    expect([at, app.clock.monotonic()]).toEqual([[5_400_000], 7_200_000])
  })

  it('passes a month in which little happens in no time', async () => {
    const broker = newBroker()
    const work = broker.task('work', async () => 'late')
    await using app = testBroker(broker, mode)
    const handle = await work.kicker().withDelay('30d').kiq()
    const before = process.cpuUsage()
    await app.clock.advance('31d')
    const { user, system } = process.cpuUsage(before)
    // In CPU time, which a busy machine does not stretch.
    expect((user + system) / 1000).toBeLessThan(2_000)
    expect(await handle.status()).toBe(null) // its result was kept for a day
    expect(app.settled(work)).toMatchObject([{ returnValue: 'late' }])
  })
})
