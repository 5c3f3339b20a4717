/** What keeps tasks in control, through a broker and its worker, on whichever transport. */
import { afterEach, describe, expect, it } from 'vitest'
import {
  chain,
  createBroker,
  createWorker,
  silentLogger,
  TaskCancelledError,
  TaskContext,
  type Broker,
  type TransportFactory,
  type Worker,
} from '../../src/index.ts'

let stops: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const stop of stops.reverse()) await stop()
  stops = []
})

/** A broker; its worker starts when it is asked to. */
function stage(transport: string | TransportFactory) {
  const broker: Broker = createBroker({ transport, logger: silentLogger })
  stops.push(() => broker.stop())
  const work = async (): Promise<Worker> => {
    const worker = createWorker(broker, { concurrency: 10 })
    stops.push(() => worker.stop())
    await worker.start()
    return worker
  }
  return { broker, work }
}

const far = '1h'

/** Tests of expiry and of limits that do not let wait. */
export function controlSuite(transport: () => string | TransportFactory): void {
  describe('an expiry', () => {
    /** A task that sends itself on, and says by when each message had to start. */
    function family(broker: Broker) {
      const child = broker.task(
        { name: 'child', deps: { ctx: TaskContext } },
        async ({ ctx }, left: number): Promise<number[]> => {
          const own = Number(ctx.labels['tw_expires'])
          if (left === 0) return [own]
          const handle = await child
            .kicker()
            .withExpiry('2h')
            .kiq(left - 1)
          return [own, ...(await handle.result())]
        },
      )
      return child
    }

    it('holds for what is sent by what is sent, where it is said to', async () => {
      const { broker, work } = stage(transport())
      const child = family(broker)
      await work()
      const kicker = child.kicker().withExpiry(far, { children: true })
      const [own, ...others] = await (await kicker.kiq(2)).result()
      expect(others).toEqual([own, own])
      // By itself it holds for one message alone.
      const [first, second] = await (await child.kicker().withExpiry(far).kiq(1)).result()
      expect(Number(second)).toBeGreaterThan(Number(first))
    })

    it('of a child that is earlier stays as it is', async () => {
      const { broker, work } = stage(transport())
      const leaf = broker.task(
        { name: 'leaf', deps: { ctx: TaskContext }, expires: '1m' },
        async ({ ctx }) => Number(ctx.labels['tw_expires']),
      )
      const parent = broker.task(
        { name: 'parent', deps: { ctx: TaskContext } },
        async ({ ctx }) => {
          const handle = await leaf.kiq()
          return [Number(ctx.labels['tw_expires']), await handle.result()] as [number, number]
        },
      )
      await work()
      const kicker = parent.kicker().withExpiry(far, { children: true })
      const [own, childs] = await (await kicker.kiq()).result()
      expect(Number(childs)).toBeLessThan(Number(own))
    })

    it('sets a child aside that does not start by the deadline of its parent', async () => {
      const { broker, work } = stage(transport())
      const late = broker.task('late', async () => 'ran')
      const parent = broker.task('parent', async () => {
        const { taskId } = await late.kicker().withDelay('400ms').kiq()
        return taskId
      })
      await work()
      const id = await (
        await parent.kicker().withExpiry('300ms', { children: true }).kiq()
      ).result()
      expect((await broker.handle(id).waitResult()).status).toBe('dead')
      expect(await broker.deadLetters.get(id)).toMatchObject({ reason: 'expired' })
    })

    it('holds for the steps of a workflow that a task sends', async () => {
      const { broker, work } = stage(transport())
      const step = broker.task('step', async () => 'ran')
      const parent = broker.task('parent', async () => {
        // Over when the deadline is.
        await (await step.kicker().withDelay('400ms').kiq()).waitResult()
        const handle = await chain(step.si(), step.si()).kiq()
        const { isErr, error } = await handle.waitResult()
        return [isErr, String(error)] as [boolean, string]
      })
      await work()
      const kicker = parent.kicker().withExpiry('300ms', { children: true })
      const [failed, why] = await (await kicker.kiq()).result()
      expect(failed).toBe(true)
      expect(why).toMatch(/had to start before|expired/)
    })
  })

  describe('a limit that is full', () => {
    it('drops the newest, whose handle says so, also where nobody works', async () => {
      const { broker, work } = stage(transport())
      const task = broker.task(
        { name: 't', concurrency: { limit: 2, onFull: 'drop-newest' } },
        async (n: number) => n,
      )
      const handles = await task.kiqMany([[1], [2], [3], [4]])
      expect(handles.map(({ conflict }) => conflict?.kind)).toEqual([
        undefined,
        undefined,
        'full',
        'full',
      ])
      expect(await handles[3]?.status()).toBe('cancelled')
      await expect(handles[2]?.result()).rejects.toBeInstanceOf(TaskCancelledError)
      await work()
      expect(await handles[1]?.result()).toBe(2)
    })

    it('cancels the oldest, and runs the newest', async () => {
      const { broker, work } = stage(transport())
      const task = broker.task(
        {
          name: 't',
          deps: { ctx: TaskContext },
          concurrency: { limit: 1, onFull: 'cancel-running' },
        },
        async ({ ctx }, n: number) => {
          if (n === 1) await new Promise((resolve) => ctx.signal.addEventListener('abort', resolve))
          return n
        },
      )
      await work()
      const old = await task.kiq(1)
      while ((await old.status()) !== 'running');
      const between = await task.kiq(2)
      const last = await task.kiq(3)
      expect(await last.result()).toBe(3)
      expect((await old.waitResult()).status).toBe('cancelled')
      expect(['succeeded', 'cancelled']).toContain((await between.waitResult()).status)
    })
  })
}
