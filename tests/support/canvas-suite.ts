import { afterEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import {
  chain,
  chord,
  chunks,
  createBroker,
  createWorker,
  gather,
  group,
  map,
  silentLogger,
  starmap,
  TaskContext,
  type Broker,
  type TransportFactory,
  type Worker,
  type WorkflowFailure,
  type WorkflowHandle,
} from '../../src/index.ts'

let stops: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const stop of stops.reverse()) await stop()
  stops = []
})

/** A broker with a worker, and the tasks of these tests. */
async function stage(transport: string | TransportFactory) {
  const broker: Broker = createBroker({ transport, logger: silentLogger })
  const ran: string[] = []
  const seen: WorkflowFailure[] = []
  let broken = true
  const tasks = {
    length: broker.task('length', async (text: string) => text.length),
    double: broker.task('double', async (n: number) => n * 2),
    add: broker.task('add', async (n: number, by: number) => n + by),
    sum: broker.task('sum', async (numbers: readonly number[]) => {
      ran.push('sum')
      return numbers.reduce((a, b) => a + b, 0)
    }),
    list: broker.task('list', async (n: number) => Array.from({ length: n }, (_, i) => i)),
    count: broker.task('count', async (values: readonly number[] | null) => values?.length ?? 0),
    boom: broker.task('boom', async (n: number): Promise<number> => {
      ran.push('boom')
      throw new RangeError(`boom ${n}`)
    }),
    flaky: broker.task('flaky', async (n: number) => {
      ran.push('flaky')
      if (broken) throw new Error('flaky')
      return n
    }),
    step: broker.task('step', async (name: string) => {
      ran.push(name)
      return name
    }),
    note: broker.task('note', async (failure: WorkflowFailure) => {
      seen.push(failure)
    }),
    nothing: broker.task('nothing', async () => {}),
  }
  const worker: Worker = createWorker(broker, { concurrency: 10 })
  await worker.start()
  stops.push(
    () => broker.stop(),
    () => worker.stop(),
  )
  const mend = (): void => void (broken = false)
  return { broker, worker, ran, seen, mend, ...tasks }
}

/** The id of the message of a step. */
async function idOf(handle: WorkflowHandle<unknown>, name: string): Promise<string> {
  await handle.waitResult()
  const node = (await handle.nodes()).find((one) => one.name === name)
  return node?.taskId ?? 'no such step'
}

/** What canvases do through a worker, on whichever transport. */
export function canvasSuite(transport: () => string | TransportFactory): void {
  describe('a canvas', () => {
    it('hands results on along a chain', async () => {
      const { length, double, add, nothing } = await stage(transport())
      const handle = await chain(length.s('abc'), double.s(), add.s(4)).kiq()
      expect(await handle.result()).toBe(10)
      const open = chain(length.s(), double.s())
      expect(await (await open.kiq('four')).result()).toBe(8)
      const void_ = await chain(length.s('x'), nothing.si()).kiq()
      expect(await void_.result()).toBeUndefined()
    })

    it('sends one signature as a workflow of one step', async () => {
      const { length, add } = await stage(transport())
      expect(await (await length.s('abcd').kiq()).result()).toBe(4)
      expect(await (await add.s(2).kiq(1)).result()).toBe(3)
    })

    it('keeps the order of a group and of a chord', async () => {
      const { length, double, sum } = await stage(transport())
      const steps = group([length.s('a'), chain(length.si('bb'), double.s()), length.s('ccc')])
      expect(await (await steps.kiq()).result()).toEqual([1, 4, 3])
      const body = chord([length.s('a'), chain(length.si('bb'), double.s())], sum.s())
      expect(await (await body.andThen(double.s()).kiq()).result()).toBe(10)
    })

    it('nests: chords in chains, groups of chords, empty groups', async () => {
      const { length, double, add, sum, count } = await stage(transport())
      const inner = chord([length.s('a'), length.s('bb')], sum.s())
      expect(await (await chain(inner, add.s(1), double.s()).kiq()).result()).toBe(8)
      expect(await (await group([inner, inner]).kiq()).result()).toEqual([3, 3])
      expect(await (await group([]).andThen(count.si([])).kiq()).status()).not.toBeNull()
      const after = chain(length.s('a'), group([]))
      expect(await (await after.kiq()).result()).toEqual([])
      const fan = chain(
        length.s('abc'),
        group([double.s(), add.s(1), chain(double.s(), double.s())]),
      )
      expect(await (await fan.andThen(sum.s()).kiq()).result()).toBe(6 + 4 + 12)
    })

    it('maps over what is known only when it runs', async () => {
      const { list, double, add, sum } = await stage(transport())
      expect(await (await chain(list.s(5), map(double.s()), sum.s()).kiq()).result()).toBe(20)
      expect(await (await map(chain(add.s(1), double.s())).kiq([1, 2])).result()).toEqual([4, 6])
      expect(await (await chain(list.s(0), map(double.s())).kiq()).result()).toEqual([])
    })

    it('calls a task many times in one step', async () => {
      const { add, broker } = await stage(transport())
      const pairs = broker.task('pairs', async () => [[1, 2] as [number, number]])
      expect(await (await chain(pairs.s(), starmap(add)).kiq()).result()).toEqual([3])
      const calls: [number, number][] = [
        [1, 2],
        [3, 4],
        [5, 6],
      ]
      expect(await (await chunks(add, calls, 2).kiq()).result()).toEqual([[3, 7], [11]])
      expect(() => chunks(add, calls, 0)).toThrow(/size of a chunk/)
    })

    it('runs a chain made of a list', async () => {
      const { add } = await stage(transport())
      const steps = Array.from({ length: 30 }, () => add.s(1))
      expect(await (await chain.from(steps).kiq(0)).result()).toBe(30)
      expect(() => chain.from([])).toThrow(/at least one/)
    })

    it('gives the values of a wide group one after the other', async () => {
      const { broker, double } = await stage(transport())
      const total = broker.task({ name: 'total', deps: { ctx: TaskContext } }, async ({ ctx }) => {
        let sum = 0
        for await (const value of ctx.inputs()) sum += Number(value)
        return sum
      })
      // More than the sources that go to the store in one piece.
      const width = 2100
      const header = Array.from({ length: width }, (_, i) => double.si(i))
      expect(await (await chord(header, total.si()).kiq()).result()).toBe(width * (width - 1))
      const one = await chain(double.s(4), total.si()).kiq()
      expect(await one.result()).toBe(8)
      expect(await (await total.si().kiq()).result()).toBe(0)
    })

    it('keeps the limits of its tasks', async () => {
      const { broker, sum } = await stage(transport())
      let running = 0
      let most = 0
      const limited = broker.task({ name: 'limited', concurrency: 2 }, async (n: number) => {
        most = Math.max(most, ++running)
        await new Promise((resolve) => setImmediate(resolve))
        running--
        return n
      })
      const steps = Array.from({ length: 12 }, (_, i) => limited.si(i))
      expect(await (await chord(steps, sum.s()).kiq()).result()).toBe(66)
      expect(most).toBeLessThanOrEqual(2)
    })

    it('runs other steps in the place of one', async () => {
      const { broker, double, sum, boom, add } = await stage(transport())
      const split = broker.task(
        { name: 'split', deps: { ctx: TaskContext } },
        async ({ ctx }, n: number) => ctx.expand(chord([double.si(n), double.si(n + 1)], sum.s())),
      )
      const handOver = broker.task(
        { name: 'handOver', deps: { ctx: TaskContext } },
        async ({ ctx }, n: number) => ctx.replace(n > 0 ? double.si(n) : boom.si(n)),
      )
      expect(await (await chain(split.s(1), add.s(1)).kiq()).result()).toBe(7)
      expect(await (await chain(handOver.s(3), double.s()).kiq()).result()).toBe(12)
      const failed = await chain(handOver.s(0), double.s()).kiq()
      await expect(failed.result()).rejects.toThrow('boom 0')
      await expect((await split.kiq(1)).result()).rejects.toThrow(/step of a workflow/)
    })
  })

  describe('a failure', () => {
    it('stops what depends on it, and says what failed', async () => {
      const { boom, step, ran } = await stage(transport())
      const handle = await chain(
        group([chain(boom.s(1), step.si('behind')), chain(step.si('beside'), step.si('besides'))]),
        step.si('after'),
      ).kiq()
      await expect(handle.result()).rejects.toMatchObject({
        code: 'TASK_FAILED',
        message: expect.stringContaining('RangeError: boom 1'),
      })
      expect(ran.toSorted()).toEqual(['beside', 'besides', 'boom'])
      const nodes = await handle.nodes()
      const of = (name: string) => nodes.filter((node) => node.name === name).map((n) => n.status)
      expect(of('boom')).toEqual(['failed'])
      expect(of('step')).toEqual(['skipped', 'succeeded', 'succeeded', 'skipped'])
      expect(await handle.status()).toBe('failed')
      expect(await handle.waitResult()).toMatchObject({ isErr: true, status: 'failed' })
    })

    it('is told to every later step that is waited for', async () => {
      const { broker, boom, step } = await stage(transport())
      const handle = await chain(boom.s(1), step.si('a'), step.si('b')).kiq()
      await expect(handle.result()).rejects.toThrow('boom 1')
      for (const { name, taskId } of await handle.nodes()) {
        if (name !== 'step' || taskId === undefined) continue
        await expect(broker.handle(taskId).result({ timeout: '5s' })).rejects.toThrow(/skipped/)
      }
    })

    it('may be allowed, or handed on as data', async () => {
      const { boom, double, count } = await stage(transport())
      const steps = [boom.s(1).allowFailure(), boom.s(2).continueOnFailure(), double.s(3)] as const
      const handle = await group(steps).kiq()
      const [nothing, failure, six] = await handle.result()
      expect([nothing, six]).toEqual([null, 6])
      expect(failure).toMatchObject({
        isErr: true,
        taskName: 'boom',
        error: { name: 'RangeError', message: 'boom 2' },
      })
      const canvas = chain(double.s(1), boom.s()).allowFailure()
      expect(
        await (await group([canvas, canvas.continueOnFailure()]).kiq()).result(),
      ).toMatchObject([null, { isErr: true }])
      expect(await (await chain(canvas, count.si([1])).kiq()).result()).toBe(1)
    })

    it('runs onFailure once, onError beside, and onSuccess', async () => {
      const { boom, step, note, seen, ran } = await stage(transport())
      const handle = await chain(step.si('a'), boom.si(7).onError(note.s()), step.si('b'))
        .onFailure(note.s())
        .onFailure(step.si('cleanup'))
        .kiq()
      await expect(handle.result()).rejects.toThrow('boom 7')
      expect(ran.toSorted()).toEqual(['a', 'boom', 'cleanup'])
      expect(seen).toHaveLength(2)
      expect(seen[0]).toMatchObject({ taskName: 'boom', runId: handle.runId })
      const fine = await step.si('fine').onError(note.s()).onSuccess(step.s()).kiq()
      expect(await fine.result()).toBe('fine')
      expect(ran.slice(-2)).toEqual(['fine', 'fine'])
      expect(seen).toHaveLength(2)
    })

    it('fails only after the last retry', async () => {
      const { broker } = await stage(transport())
      let runs = 0
      const tries = broker.task({ name: 'tries', retry: { max: 2, backoff: 1 } }, async () => {
        if (++runs < 3) throw new Error('not yet')
        return runs
      })
      expect(await (await chain(tries.s(), tries.si()).kiq()).result()).toBe(4)
      runs = -10
      await expect(
        (
          await tries
            .si()
            .set({ retry: { max: 1 } })
            .kiq()
        ).result(),
      ).rejects.toThrow('not yet')
      expect(runs).toBe(-8)
    })

    it('stops all the rest where it was to fail fast', async () => {
      const { broker, boom, step, ran } = await stage(transport())
      let aborted = false
      const long = broker.task(
        { name: 'long', deps: { ctx: TaskContext } },
        async ({ ctx }) =>
          new Promise<void>((_, reject) =>
            ctx.signal.addEventListener('abort', () => {
              aborted = true
              reject(new Error('aborted'))
            }),
          ),
      )
      const handle = await group([long.si(), chain(step.si('x'), boom.si(1))])
        .failFast()
        .kiq()
      await expect(handle.result()).rejects.toThrow('boom 1')
      await expect.poll(() => aborted).toBe(true)
      expect(ran).toEqual(['x', 'boom'])
    })
  })

  describe('a run', () => {
    it('is resumed from what failed only', async () => {
      const { flaky, double, sum, step, ran, mend } = await stage(transport())
      const handle = await chain(
        step.si('first'),
        group([flaky.si(1), double.si(2)]),
        sum.s(),
      ).kiq()
      await expect(handle.result()).rejects.toThrow('flaky')
      mend()
      await handle.resume()
      expect(await handle.result()).toBe(5)
      expect(ran).toEqual(['first', 'flaky', 'flaky', 'sum'])
      const nodes = await handle.nodes()
      expect(nodes.find(({ name }) => name === 'flaky')?.generation).toBe(1)
      await expect(handle.resume()).rejects.toThrow(/has succeeded/)
    })

    it('is cancelled: what runs is aborted, nothing else starts, no onFailure runs', async () => {
      const { broker, step, note, seen, ran } = await stage(transport())
      let begun: () => void = () => {}
      const started = new Promise<void>((resolve) => (begun = resolve))
      const long = broker.task(
        { name: 'long', deps: { ctx: TaskContext } },
        async ({ ctx }) =>
          new Promise<void>((_, reject) => {
            begun()
            ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason as Error))
          }),
      )
      const handle = await chain(long.si(), step.si('after')).onFailure(note.s()).kiq()
      await started
      await expect(handle.resume()).rejects.toThrow(/still going/)
      expect(await handle.progress()).toMatchObject({
        state: 'running',
        meta: { done: 0, total: 3 },
      })
      expect(await handle.cancel('enough')).toBe(true)
      expect(await handle.cancel()).toBe(false)
      await expect(handle.result()).rejects.toMatchObject({
        code: 'TASK_CANCELLED',
        reason: 'enough',
      })
      expect((await handle.nodes()).map(({ status }) => status)).toEqual(Array(5).fill('cancelled'))
      expect(await handle.waitResult()).toMatchObject({ status: 'cancelled' })
      expect([ran, seen]).toEqual([[], []])
    })

    it('has a graph and a drawing', async () => {
      const { length, double } = await stage(transport())
      const handle = await chain(length.s('abc'), group([double.s(), double.s()])).kiq()
      await handle.result()
      const graph = await handle.graph()
      expect(graph.edges).toEqual([
        { from: 0, to: 1 },
        { from: 0, to: 2 },
        { from: 1, to: 3 },
        { from: 2, to: 3 },
        { from: 3, to: 4 },
      ])
      expect(graph.toMermaid()).toMatch(
        /^flowchart LR\n {2}n0\["length<br\/>succeeded"\]:::succeeded/,
      )
    })

    it('has the same id only once, and is found by it', async () => {
      const { broker, step, ran } = await stage(transport())
      const id = '0'.repeat(19) + '1'
      const canvas = step.si('once')
      const first = await canvas.kiqAs({ id, name: 'mine' })
      const second = await canvas.kiqAs({ id })
      expect([first.isDuplicate, second.isDuplicate]).toEqual([false, true])
      expect(await second.result()).toBe('once')
      expect(ran).toEqual(['once'])
      expect(await broker.workflow(id).result()).toBe('once')
      expect(await broker.workflows()).toMatchObject([
        { runId: id, name: 'mine', state: 'succeeded' },
      ])
      expect(await broker.workflows({ state: 'failed' })).toEqual([])
      const unknown = broker.workflow('f'.repeat(20))
      expect(await unknown.status()).toBeNull()
      expect(await unknown.progress()).toBeNull()
      await expect(unknown.result()).rejects.toThrow(/no workflow/)
      await expect(canvas.kiqAs({ id: 'short' })).rejects.toThrow(/20 hex/)
    })

    it('can be gathered with tasks', async () => {
      const { length, double } = await stage(transport())
      expect(await gather([length.kiq('a'), chain(length.s('bb'), double.s()).kiq()])).toEqual([
        1, 4,
      ])
    })

    it('is data, and a canvas again', async () => {
      const { broker, length, double, note } = await stage(transport())
      const canvas = chain(
        length.s('abc'),
        double.s().set({ labels: { tenant: 'acme' }, priority: 'high' }),
      )
      const plan = JSON.parse(JSON.stringify(canvas.onFailure(note.s())))
      expect(plan).toMatchObject({ kind: 'chain', steps: [{ task: 'length' }, { task: 'double' }] })
      expect(await (await broker.canvas(plan).kiq()).result()).toBe(6)
    })
  })

  describe('bad input', () => {
    it('is refused before anything is sent', async () => {
      const { broker, length, double } = await stage(transport())
      await expect(broker.canvas({ kind: 'chain', steps: [] }).kiq()).rejects.toThrow(
        /at least one/,
      )
      const unknown = { kind: 'task', task: 'nobody', args: [], open: false } as const
      await expect(broker.canvas(unknown).kiq()).rejects.toThrow(/no task of that name/)
      const loop = { kind: 'chain' as const, steps: [unknown] as unknown[] }
      loop.steps.push(loop)
      await expect(broker.canvas(loop as never).kiq()).rejects.toThrow(/nobody|hold itself/)
      const self = { kind: 'chain' as const, steps: [] as unknown[] }
      self.steps.push(self)
      await expect(broker.canvas(self as never).kiq()).rejects.toThrow(/cannot hold itself/)
      await expect(broker.canvas({ kind: 'tree' } as never).kiq()).rejects.toThrow(
        /no canvas of kind/,
      )
      const remote = broker.remoteTask<[], number>('py.task')
      expect(() => remote.si()).toThrow(
        /remote.*new Pipeline\(broker, first\)\.callNext\(py\.task\)/,
      )
      const named = { kind: 'task', task: 'py.task', args: [], open: false } as const
      await expect(broker.canvas(named).kiq()).rejects.toThrow(/no task of that name/)
      expect(() => chain(length as never)).toThrow(/give task\.s/)
      expect(() => group('x' as never)).toThrow(/as a list/)
      expect(() => chain(double.kiq(1) as never)).toThrow(/a promise/)
      await expect(group([]).kiq()).rejects.toThrow(/no task/)
      await expect(
        (length.s('a') as unknown as { kiq(a: string, b: string): unknown }).kiq('a', 'b'),
      ).rejects.toThrow(/one input at most/)
      expect(() => broker.task('taskwright.mine', async () => {})).toThrow(/another name/)
    })

    it('a result that is too large fails its step, and says so', async () => {
      const { broker, length } = await stage(transport())
      const large = broker.task('large', async () => 'x'.repeat(5_000_000))
      const handle = await chain(large.s(), length.s()).kiq()
      await expect(handle.result()).rejects.toMatchObject({
        cause: { message: expect.stringMatching(/larger|bytes/) },
      })
      expect((await handle.nodes()).map(({ status }) => status)).toEqual([
        'failed',
        'skipped',
        'failed',
      ])
    })

    it('a body that does not fit what it is given fails, and says where', async () => {
      const { broker, list } = await stage(transport())
      const body = broker.task(
        { name: 'body', input: z.object({ id: z.string() }) },
        async ({ id }) => id,
      )
      const handle = await chain(list.s(1), body.s() as never).kiq()
      const id = await idOf(handle, 'body')
      await expect(handle.result()).rejects.toMatchObject({
        message: expect.stringContaining(id),
        cause: { message: expect.stringMatching(/object/) },
      })
    })

    it('that shows only at run time fails the step', async () => {
      const { list, broker, double } = await stage(transport())
      const fails = broker.task('fails', async () => 5 as unknown as number[])
      const handle = await chain(fails.s(), map(double.s())).kiq()
      await expect(handle.result()).rejects.toThrow(/map needs a list/)
      expect(await (await list.s(1).kiq()).result()).toEqual([0])
    })
  })
}
