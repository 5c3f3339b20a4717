import { describe, expect, it, vi } from 'vitest'
import {
  StoreError,
  TaskContext,
  createBroker,
  silentLogger,
  type Broker,
} from '../../../src/index.ts'
import { testBroker, type KillStep, type TestBroker } from '../../../src/testing/index.ts'

// Hundreds of runs in one test, on a machine that may be busy.
vi.setConfig({ testTimeout: 60_000 })

const newBroker = (): Broker => createBroker({ transport: 'memory:', logger: silentLogger })
const modes = [{ mode: 'inline' }, { mode: 'concurrent', seed: 3, workers: 1 }] as const

const kinds = (app: TestBroker, ...wanted: string[]): string[] =>
  app.journal.flatMap(({ kind }) => (wanted.includes(kind) ? [kind] : []))

describe.each(modes)('faults of a broker under test, $mode', (mode) => {
  describe('killing a worker', () => {
    const steps: readonly [KillStep, number][] = [
      ['receive', 1],
      ['run', 1],
      ['send', 2],
      ['before-settle', 2],
      ['after-settle', 1],
    ]
    it.each(steps)('at %s: the message runs to its end on a fresh worker', async (at, runs) => {
      const broker = newBroker()
      const seen: number[] = []
      const child = broker.task('child', async () => {})
      const work = broker.task(
        { name: 'work', deps: { ctx: TaskContext } },
        async ({ ctx }, n: number) => {
          seen.push(ctx.redeliveries)
          await child.kiq()
          return n
        },
      )
      await using app = testBroker(broker, mode)
      app.faults.killWorker({ at, task: work })
      const settled = at === 'after-settle'
      const handle = await work.kiq(5)
      await app.idle()
      // A dead worker's lease ends by the clock, and by nothing else.
      expect(await handle.status()).toBe(settled ? 'succeeded' : 'running')
      expect(kinds(app, 'worker-killed')).toEqual(['worker-killed'])
      await app.clock.advance('29s')
      expect(await handle.status()).toBe(settled ? 'succeeded' : 'running')
      await app.clock.advance('1s')
      await app.idle()
      expect(await handle.result()).toBe(5)
      expect(seen).toHaveLength(runs)
      expect(seen.at(-1)).toBe(settled ? 0 : 1)
      // The first run of a worker that vanished while sending had sent nothing.
      expect(app.sent(child)).toHaveLength(at === 'before-settle' ? 2 : 1)
      expect(app.settled(work)).toHaveLength(1)
      expect(app.faults.pending).toEqual([])
    })

    it('now: what its handlers do after it has no effect', async () => {
      const broker = newBroker()
      let open: () => void = () => {}
      const gate = new Promise<void>((resolve) => (open = resolve))
      const child = broker.task('child', async () => {})
      const seen: string[] = []
      const work = broker.task({ name: 'work', deps: { ctx: TaskContext } }, async ({ ctx }) => {
        seen.push(`run ${ctx.redeliveries}`)
        if (ctx.redeliveries > 0) return 'second'
        await gate
        await child.kiq()
        seen.push('never')
        return 'first'
      })
      await using app = testBroker(broker, { ...mode, patience: 0 })
      const sending = work.kiq()
      await app.clock.advance(0)
      app.faults.killWorker({ task: work })
      const handle = await sending
      open()
      await app.idle()
      expect(app.sent(child)).toEqual([])
      await app.drain()
      expect(await handle.result()).toBe('second')
      expect(seen).toEqual(['run 0', 'run 1'])
    })

    it('again and again: the message is set aside as poison', async () => {
      const broker = newBroker()
      let runs = 0
      const bomb = broker.task('bomb', async () => void runs++)
      const fine = broker.task('fine', async () => 'fine')
      await using app = testBroker(broker, mode)
      for (let i = 0; i < 4; i++) app.faults.killWorker({ at: 'before-settle', task: bomb })
      const handle = await bomb.kiq()
      await app.drain()
      await expect(handle.result()).rejects.toMatchObject({ reason: 'poison' })
      expect(runs).toBe(4)
      expect(kinds(app, 'worker-killed')).toHaveLength(4)
      const other = await fine.kiq()
      await app.idle()
      expect(await other.result()).toBe('fine')
    })

    it('at the nth step only', async () => {
      const broker = newBroker()
      const work = broker.task('work', async (n: number) => n)
      await using app = testBroker(broker, mode)
      app.faults.killWorker({ at: 'run', task: 'work', nth: 3 })
      for (let n = 1; n <= 2; n++) {
        await work.kiq(n)
        await app.idle()
      }
      expect(app.settled(work)).toHaveLength(2)
      expect(kinds(app, 'worker-killed')).toEqual([])
      for (let n = 3; n <= 4; n++) await work.kiq(n)
      await app.idle()
      expect(kinds(app, 'worker-killed')).toHaveLength(1)
      await app.drain()
      expect(app.settled(work)).toHaveLength(4)
      expect(() => app.faults.killWorker({ at: 'run', nth: 0 })).toThrow(/nth is a whole number/)
    })

    it('loses nothing of what it had fetched beyond its slots', async () => {
      const broker = newBroker()
      const work = broker.task('work', async (n: number) => n)
      await using app = testBroker(broker, { ...mode, worker: { concurrency: 1, prefetch: 20 } })
      app.faults.killWorker({ at: 'run', task: work, nth: 2 })
      await work.kiqMany(Array.from({ length: 10 }, (_, n) => [n] as [number]))
      await app.drain()
      const values = app.settled(work).map(({ returnValue }) => returnValue)
      expect(values.sort((a, b) => Number(a) - Number(b))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    })
  })

  describe('losing a lease', () => {
    it('delivers again what a handler works on, and refuses what that one does', async () => {
      const broker = newBroker()
      const seen: string[] = []
      const work = broker.task({ name: 'work', deps: { ctx: TaskContext } }, async ({ ctx }) => {
        seen.push(`start ${ctx.redeliveries}`)
        if (ctx.redeliveries === 0) {
          await new Promise((resolve) => ctx.signal.addEventListener('abort', resolve))
          seen.push(`aborted: ${(ctx.signal.reason as Error).name}`)
          await ctx.progress('too late').catch((error: Error) => seen.push(error.name))
        }
        return ctx.redeliveries
      })
      await using app = testBroker(broker, { ...mode, patience: 0 })
      app.faults.loseLease(work)
      const sending = work.kiq()
      await app.clock.advance('10s') // the heartbeat tells
      const handle = await sending
      await app.idle()
      expect(await handle.result()).toBe(1)
      expect(seen.sort()).toEqual([
        'LeaseLostError',
        'aborted: LeaseLostError',
        'start 0',
        'start 1',
      ])
      expect(kinds(app, 'lost')).toEqual(['lost'])
      expect(app.settled(work)).toHaveLength(1)
    })

    it('of the message that runs now, by its id', async () => {
      const broker = newBroker()
      const work = broker.task({ name: 'work', deps: { ctx: TaskContext } }, async ({ ctx }) => {
        if (ctx.redeliveries > 0) return 'second'
        app.faults.loseLease(ctx.taskId)
        await app.turn()
        return 'first'
      })
      await using app = testBroker(broker, mode)
      const handle = await work.kiq()
      await app.idle()
      expect(await handle.result()).toBe('second')
      expect(app.faults.pending).toEqual([])
    })
  })

  it('delivers twice: the first end comes too late', async () => {
    const broker = newBroker()
    const charged: string[] = []
    const charge = broker.task('charge', async (order: string) => {
      charged.push(order)
      return charged.length
    })
    await using app = testBroker(broker, mode)
    app.faults.deliverTwice(charge)
    const handle = await charge.kiq('order-1')
    await app.idle()
    expect(charged).toEqual(['order-1', 'order-1'])
    expect(await handle.result()).toBe(2)
    expect(kinds(app, 'lost')).toEqual(['lost'])
    await charge.kiq('order-2')
    await app.idle()
    expect(charged).toHaveLength(3)
  })

  describe('failing the store', () => {
    it('at send: kiq() rejects and nothing is stored', async () => {
      const broker = newBroker()
      const work = broker.task('work', async () => 1)
      await using app = testBroker(broker, mode)
      app.faults.failStore({ operation: 'send' })
      await expect(work.kiq()).rejects.toBeInstanceOf(StoreError)
      expect(app.sent(work)).toEqual([])
      await work.kiq()
      await app.idle()
      expect(app.settled(work)).toHaveLength(1)
    })

    it('at send, with the answer lost: sending the same id again is one message', async () => {
      const broker = newBroker()
      let runs = 0
      const work = broker.task('work', async () => ++runs)
      await using app = testBroker(broker, mode)
      app.faults.failStore({ operation: 'send', task: work, answerLost: true })
      const kicker = work.kicker().withTaskId('order-1')
      await expect(kicker.kiq()).rejects.toThrow(/lost the answer/)
      const handle = await kicker.kiq()
      expect(handle.isDuplicate).toBe(true)
      await app.clock.advance(0)
      await app.idle()
      expect(await handle.result()).toBe(1)
      expect(runs).toBe(1)
    })

    it('at send of a handler, with the answer lost: what it sent runs all the same', async () => {
      const broker = newBroker()
      const ran: string[] = []
      const child = broker.task('child', async () => void ran.push('child'))
      const parent = broker.task('parent', async () => {
        const told = await child.kiq().then(
          () => 'sent',
          () => 'not sent',
        )
        ran.push(told)
      })
      await using app = testBroker(broker, mode)
      app.faults.failStore({ operation: 'send', task: child, answerLost: true })
      await parent.kiq()
      await app.idle()
      expect(ran.toSorted()).toEqual(['child', 'not sent'])
      expect(
        app
          .settled()
          .map(({ task }) => task)
          .toSorted(),
      ).toEqual(['child', 'parent'])
    })

    it('at settle: the worker asks again until it answers', async () => {
      const broker = newBroker()
      let runs = 0
      const work = broker.task('work', async () => ++runs)
      await using app = testBroker(broker, mode)
      app.faults.failStore({ operation: 'settle', times: 5 })
      const handle = await work.kiq()
      await app.idle()
      expect(await handle.result()).toBe(1)
      expect(runs).toBe(1)
      expect(app.faults.pending).toEqual([])
    })

    it('at settle, with the answer lost: nothing runs twice', async () => {
      const broker = newBroker()
      let runs = 0
      const work = broker.task('work', async () => ++runs)
      await using app = testBroker(broker, mode)
      app.faults.failStore({ operation: 'settle', task: work, times: 2, answerLost: true })
      const handle = await work.kiq()
      await app.idle()
      expect(await handle.result()).toBe(1)
      await app.clock.advance('10m')
      expect(runs).toBe(1)
    })

    it.each([false, true])(
      'at receive, answer lost: %s: the message is found again without a lost lease',
      async (answerLost) => {
        const broker = newBroker()
        const seen: number[] = []
        const work = broker.task({ name: 'work', deps: { ctx: TaskContext } }, async ({ ctx }) =>
          seen.push(ctx.redeliveries),
        )
        await using app = testBroker(broker, mode)
        app.faults.failStore({ operation: 'receive', times: 3, answerLost })
        const handle = await work.kiq()
        await app.idle()
        expect(await handle.status()).toBe('succeeded')
        expect(seen).toEqual([0])
        // Moments only: the clock moved as far as the worker waits between two questions.
        expect(app.clock.monotonic()).toBeLessThan(5_000)
      },
    )

    it('at extend: one missed heartbeat loses nothing, a lease without any is lost', async () => {
      const broker = newBroker()
      const seen: number[] = []
      await using app = testBroker(broker, { ...mode, patience: 0 })
      const work = broker.task({ name: 'work', deps: { ctx: TaskContext } }, async ({ ctx }) => {
        seen.push(ctx.redeliveries)
        if (ctx.redeliveries === 0) {
          await new Promise((resolve) => ctx.signal.addEventListener('abort', resolve))
        }
      })
      app.faults.failStore({ operation: 'extend', times: 1 })
      const sending = work.kiq()
      await app.clock.advance('1m')
      expect(seen).toEqual([0])
      app.faults.failStore({ operation: 'extend', times: 3 })
      await app.clock.advance('1m')
      await sending
      await app.idle()
      expect(seen).toEqual([0, 1])
    })

    it('for ever: waiting ends with what there is', async () => {
      const broker = newBroker()
      const work = broker.task('work', async () => 1)
      await using app = testBroker(broker, { ...mode, giveUpAfter: 20 })
      app.faults.failStore({ operation: 'settle', times: Infinity })
      void work.kiq()
      await expect(app.idle()).rejects.toThrow(/nothing moves/)
      app.faults.clear()
      expect(app.faults.pending).toEqual([])
      await app.clock.advance('1m')
      expect(app.settled(work)).toHaveLength(1)
    })
  })

  it('hands out in another order, and everything all the same', async () => {
    const broker = newBroker()
    const order: number[] = []
    const work = broker.task('work', async (n: number) => void order.push(n))
    await using app = testBroker(broker, { ...mode, worker: { concurrency: 1, prefetch: 0 } })
    app.faults.reorder()
    const calls = Array.from({ length: 20 }, (_, n) => n)
    await Promise.all(calls.map((n) => work.kicker().withDelay('1m').kiq(n)))
    await app.drain()
    expect(order).not.toEqual(calls)
    expect(order.toSorted((a, b) => a - b)).toEqual(calls)
    order.length = 0
    app.faults.clear()
    await Promise.all(calls.map((n) => work.kicker().withDelay('1m').kiq(n)))
    await app.drain()
    expect(order).toEqual(calls)
  })

  it('says what has not happened', async () => {
    const broker = newBroker()
    const work = broker.task('work', async () => 1)
    const other = broker.task('other', async () => 1)
    await using app = testBroker(broker, mode)
    app.faults.killWorker({ at: 'run', task: other })
    app.faults.failStore({ operation: 'settle', task: 'other', times: 2 })
    app.faults.deliverTwice('other')
    app.faults.loseLease('other')
    await work.kiq()
    await app.idle()
    expect(app.faults.pending).toEqual([
      "kill at run of 'other'",
      "fail settle of 'other' (2 times)",
      "deliver twice of 'other'",
      "lose the lease of 'other'",
    ])
    expect(kinds(app, 'fault', 'worker-killed')).toEqual([])
    await app.dispose()
  })

  it('acknowledges early: a crash loses the message, as it says', async () => {
    const broker = newBroker()
    let runs = 0
    const work = broker.task('work', async () => ++runs)
    await using app = testBroker(broker, { ...mode, worker: { ack: 'early' } })
    const first = await work.kiq()
    await app.idle()
    expect(await first.result()).toBe(1)
    expect(app.settled(work)).toMatchObject([{ status: 'succeeded', returnValue: 1 }])
    app.faults.killWorker({ at: 'run', task: work })
    await work.kiq()
    await app.drain()
    expect(runs).toBe(1)
    expect(app.settled(work)).toHaveLength(1)
  })
})
