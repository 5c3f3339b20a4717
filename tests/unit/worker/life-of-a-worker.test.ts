/** Start, stop, and everything that may come between the two. */
import { describe, expect, it } from 'vitest'
import { dependency } from '../../../src/dependencies/dependency.ts'
import { TaskContext } from '../../../src/dependencies/task-context.ts'
import type { Clock } from '../../../src/core/clock.ts'
import { ManualClock } from '../../../src/testing/manual-clock.ts'
import { altered, deferred, thrownBy, turns } from '../broker/stage.ts'
import { memoryTransport } from '../../../src/memory/memory-transport.ts'
import { stage } from './stage.ts'

describe('starting', () => {
  it('may be tried again when the store could not be opened', async () => {
    let away = true
    const { broker, worker, events } = stage((inner) => ({
      start: () => (away ? Promise.reject(new Error('away')) : inner.start()),
    }))
    const task = broker.task('t', async () => 5)
    const made = worker()
    await expect(made.start()).rejects.toThrow('away')
    away = false
    await Promise.all([made.start(), made.start()])
    expect(await (await task.kiq()).result()).toBe(5)
    expect(events('started')).toEqual([{ queues: ['default'] }])
    await made[Symbol.asyncDispose]()
  })

  it('is over before it began when it is stopped meanwhile: what came is given back', async () => {
    const gate = deferred()
    const { broker, worker, events } = stage((inner) => ({
      async start() {
        await gate.promise
        await inner.start()
      },
    }))
    let runs = 0
    const task = broker.task('t', async () => void runs++)
    const sent = task.kiq()
    const made = worker()
    const starting = made.start()
    const stopping = made.stop()
    gate.resolve()
    await Promise.all([starting, stopping, sent])
    expect(runs).toBe(0)
    expect(await broker.inspector.queues()).toMatchObject([{ queued: 1, running: 0 }])
    expect(events('stopped')).toEqual([{ reason: 'stop' }])
    expect(await thrownBy(made.start())).toMatchObject({ code: 'NOT_STARTED' })
  })

  it('that failed leaves nothing to stop', async () => {
    const { worker } = stage(() => ({ start: () => Promise.reject(new Error('away')) }))
    const made = worker()
    const starting = thrownBy(made.start())
    await made.stop()
    await starting
    await made.stopped
  })
})

describe('stopping', () => {
  it('before the start is done at once, whoever asks again meanwhile', async () => {
    const { worker, events } = stage()
    const made = worker()
    made.on('stopped', () => void made.stop())
    await made.stop()
    await made.stop()
    expect(events('stopped')).toHaveLength(1)
  })

  it('rejects for a timeout that is none', async () => {
    const { worker } = stage()
    await expect(worker().stop({ timeout: -1 })).rejects.toMatchObject({ code: 'INVALID_INPUT' })
  })

  it('waits no longer than the shortest that it was told', async () => {
    const { broker, work, clock, events } = stage()
    const begun = deferred()
    const task = broker.task(
      { name: 't', deps: { ctx: TaskContext } },
      ({ ctx }) =>
        new Promise<void>((_, reject) => {
          begun.resolve()
          ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason as Error))
        }),
    )
    const made = await work()
    const handle = await task.kiq()
    await begun.promise
    const stopping = made.stop({ timeout: '1h' })
    const sooner = made.stop({ timeout: '10s' })
    const later = made.stop({ timeout: '2h' })
    await clock.advance(9999)
    expect(events('stopped')).toEqual([])
    await clock.advance(1)
    await Promise.all([stopping, sooner, later])
    expect(await handle.status()).toBe('queued')
    expect(made.counts.running).toBe(0)
    await broker.stop()
    expect(clock.pending).toBe(0)
  })

  it('uses up nothing: neither attempt nor redelivery', async () => {
    const { broker, work, runtime } = stage()
    const begun = deferred()
    const task = broker.task({ name: 't', deps: { ctx: TaskContext } }, async ({ ctx }) => {
      begun.resolve()
      await new Promise((resolve) => ctx.signal.addEventListener('abort', resolve))
      throw new Error('aborted')
    })
    const made = await work({ concurrency: 1, prefetch: 5 })
    await task.kiqMany([[], [], []])
    await begun.promise
    expect(made.counts).toMatchObject({ running: 1, prefetched: 2 })
    await made.stop({ timeout: 0 })
    const { signal } = new AbortController()
    const back = await runtime.transport.receive({
      queues: ['default'],
      room: 5,
      lease: 1000,
      signal,
    })
    expect(back.map(({ redeliveries }) => redeliveries)).toEqual([0, 0, 0])
    expect(runtime.codec.decodeMessage(back[0]!.body).labels).not.toHaveProperty('_retries')
  })

  it('is not needed for others to have what was fetched ahead: it is given back when no slot comes free', async () => {
    const { broker, work, clock } = stage()
    const [begun, end] = [deferred(), deferred()]
    let runs = 0
    const task = broker.task('t', async () => {
      if (runs++ > 0) return
      begun.resolve()
      await end.promise
    })
    const made = await work({ concurrency: 1, prefetch: 5 })
    await task.kiqMany([[], [], []])
    await begun.promise
    expect(made.counts).toMatchObject({ running: 1, prefetched: 2 })
    await clock.advance(999)
    expect(made.counts.prefetched).toBe(2)
    await clock.advance(1)
    expect(made.counts).toMatchObject({ running: 1, prefetched: 0 })
    expect(await broker.inspector.queues()).toMatchObject([{ queued: 2, running: 1 }])
    end.resolve()
    while (made.counts.settled < 3) await turns(1)
    expect(runs).toBe(3)
    await made.stop()
  })

  it('lets a handler that ends in time have its result, also one that does not look at its signal', async () => {
    const { broker, work, clock, events } = stage()
    const [begun, end] = [deferred(), deferred()]
    const task = broker.task('t', async () => {
      begun.resolve()
      await end.promise
      return 'done'
    })
    const made = await work({ grace: 100 })
    const handle = await task.kiq()
    await begun.promise
    const stopping = made.stop({ timeout: 0 })
    await clock.advance(50)
    end.resolve()
    await stopping
    expect(await handle.result()).toBe('done')
    expect(events('task-stuck')).toEqual([])
  })

  it('gives back what is stuck, and says that it may still run', async () => {
    const { broker, work, clock, events, lines } = stage()
    const [begun, end] = [deferred(), deferred()]
    const task = broker.task('t', async () => {
      begun.resolve()
      await end.promise
      throw new Error('much later')
    })
    const made = await work({ grace: 100 })
    const handle = await task.kiq()
    await begun.promise
    const stopping = made.stop({ timeout: 0 })
    await clock.advance(100)
    await stopping
    expect(events('task-stuck')).toMatchObject([{ id: handle.taskId, task: 't', seconds: 0.1 }])
    expect(await handle.status()).toBe('queued')
    end.resolve()
    await turns()
    expect(lines.map(({ message }) => message)).toContain(
      'a stuck task has ended after its slot was freed',
    )
  })

  it('gives up on a store that stays away, after its patience', async () => {
    let away = false
    const fail = <T>(work: () => Promise<T>): Promise<T> =>
      away ? Promise.reject(new Error('away')) : work()
    const { broker, work, clock, events, lines } = stage((inner) => ({
      settle: (settlements) => fail(() => inner.settle(settlements)),
      release: (claims) => fail(() => inner.release(claims)),
    }))
    const [begun, end] = [deferred(), deferred()]
    const task = broker.task('t', async () => {
      begun.resolve()
      await end.promise
    })
    const made = await work({ concurrency: 1, prefetch: 1, grace: 100 })
    await task.kiqMany([[], []])
    await begun.promise
    away = true
    const stopping = made.stop({ timeout: '1s' })
    end.resolve()
    await clock.advance(60_000)
    await stopping
    expect(events('store-failed').length).toBeGreaterThan(5)
    expect(lines.at(-1)?.level).toBe('error')
    expect(made.counts).toMatchObject({ running: 0, prefetched: 0, settled: 0 })
  })

  it('ends though the lease keeper does not', async () => {
    const { work, events } = stage((inner) => ({
      keepLeases: (options) => ({
        ...inner.keepLeases(options),
        stop: () => Promise.reject(new Error('thread is gone')),
      }),
    }))
    const made = await work()
    await made.stop()
    expect(events('store-failed')).toMatchObject([{ error: { message: 'thread is gone' } }])
    await made.stopped
  })

  it('happens by itself when the broker is stopped under it', async () => {
    const { broker, work, clock, events } = stage()
    const end = deferred()
    const begun = deferred()
    const task = broker.task('t', async () => {
      begun.resolve()
      await end.promise
    })
    const made = await work({ grace: 10 })
    await task.kiq()
    await begun.promise
    await broker.stop()
    end.resolve()
    await clock.advance(1000)
    await made.stopped
    expect(events('stopped')).toEqual([{ reason: 'the broker was stopped' }])
  })
})

describe('maxTasks', () => {
  it('stops once that many have ended, however long they take', async () => {
    const { broker, work, clock, events } = stage()
    const end = deferred()
    const task = broker.task('t', async () => {
      await end.promise
      return 1
    })
    const made = await work({ maxTasks: 2, concurrency: 5, prefetch: 5, shutdownTimeout: 0 })
    const handles = await task.kiqMany([[], [], []])
    await turns()
    // It claims no more than it may start.
    expect(await broker.inspector.queues()).toMatchObject([{ queued: 1, running: 2 }])
    await clock.advance(60_000)
    expect(events('stopped')).toEqual([])
    end.resolve()
    await made.stopped
    expect(made.counts.settled).toBe(2)
    expect(events('stopped')).toEqual([{ reason: 'maxTasks' }])
    expect(await handles[2]!.status()).toBe('queued')
  })
})

describe('a blocked loop', () => {
  it('is told of, with the tasks that ran', async () => {
    const manual = new ManualClock()
    let blocked = 0
    const clock: Clock = {
      now: () => manual.now(),
      monotonic: () => manual.monotonic() + blocked,
      after: (ms, run) => manual.after(ms, run),
    }
    const { broker, work, events, lines } = stage(undefined, {
      transport: altered(() => ({}), memoryTransport()),
      clock,
    })
    const [begun, end] = [deferred(), deferred()]
    const task = broker.task('heavy', async () => {
      begun.resolve()
      await end.promise
    })
    const made = await work()
    await task.kiq()
    await begun.promise
    blocked = 5000
    await manual.advance(500)
    expect(events('loop-stalled')).toEqual([{ milliseconds: 5000, running: ['heavy'] }])
    expect(lines.at(-1)).toMatchObject({ level: 'warn', fields: { running: ['heavy'] } })
    end.resolve()
    await made.stop()
  })
})

describe('suspects', () => {
  it('run one at a time, and all of them, though nothing else comes', async () => {
    const { broker, runtime, work, clock } = stage()
    let together = 0
    let most = 0
    const task = broker.task('t', async () => {
      most = Math.max(most, ++together)
      await turns()
      together--
    })
    const handles = await task.kiqMany([[], [], [], []])
    const { signal } = new AbortController()
    await runtime.transport.receive({ queues: ['default'], room: 10, lease: 100, signal })
    await clock.advance(100)
    const made = await work({ concurrency: 10 })
    await Promise.all(handles.map((handle) => handle.result()))
    expect(most).toBe(1)
    await made.stop()
  })
})

describe('two workers of one broker', () => {
  it('may have the same name: each message runs once', async () => {
    const { broker, work } = stage()
    const runs: number[] = []
    const task = broker.task('t', async (n: number) => void runs.push(n))
    const options = { name: 'twin', concurrency: 2, prefetch: 1 }
    const workers = [await work(options), await work(options)]
    const handles = await task.kiqMany(Array.from({ length: 20 }, (_, n) => [n] as [number]))
    await Promise.all(handles.map((handle) => handle.result()))
    expect(runs.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, n) => n))
    await Promise.all(workers.map((worker) => worker.stop()))
  })

  it('leave each other alone when one has lost an answer', async () => {
    let fail = false
    const { broker, work, clock, events } = stage((inner) => ({
      receive: async (request) => {
        if (fail && request.queues[0] === 'b') {
          fail = false
          throw new Error('lost')
        }
        return inner.receive(request)
      },
    }))
    const pool = dependency(() => 1)
    const end = deferred()
    const begun = deferred()
    let runs = 0
    const slow = broker.task({ name: 'a', queue: 'a', deps: { pool } }, async () => {
      runs++
      begun.resolve()
      await end.promise
      return runs
    })
    const quick = broker.task({ name: 'b', queue: 'b' }, async () => 'b')
    const first = await work({ queues: ['a'] })
    const handle = await slow.kiq()
    await begun.promise
    fail = true
    const second = await work({ queues: ['b'] })
    await clock.advance(60_000)
    expect(await (await quick.kiq()).result()).toBe('b')
    end.resolve()
    expect(await handle.result()).toBe(1)
    expect(events('task-lost')).toEqual([])
    await Promise.all([first.stop(), second.stop()])
  })
})
