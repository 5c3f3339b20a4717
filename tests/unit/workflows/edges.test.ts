import { afterEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { taskiqMsgpack } from '../../../src/codecs/index.ts'
import { WorkflowPump } from '../../../src/broker/canvas/workflow-pump.ts'
import { runtimeOf } from '../../../src/broker/runtime.ts'
import { NotStartedError } from '../../../src/core/errors.ts'
import { logTo, silentLogger } from '../../../src/core/logger.ts'
import { seededRandom } from '../../../src/core/random.ts'
import type { WorkflowStore } from '../../../src/core/workflow-store.ts'
import {
  chain,
  chord,
  chunks,
  createBroker,
  createWorker,
  group,
  Pipeline,
  starmap,
  systemClock,
  TaskContext,
  type BrokerOptions,
  type CanvasPlan,
} from '../../../src/index.ts'
import { memoryTransport } from '../../../src/memory/index.ts'
import { ManualClock } from '../../../src/testing/index.ts'

let stops: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const stop of stops.reverse()) await stop()
  stops = []
})

async function stage(options: Partial<BrokerOptions> = {}) {
  const broker = createBroker({ transport: 'memory:', logger: silentLogger, ...options })
  const worker = createWorker(broker)
  await worker.start()
  stops.push(
    () => broker.stop(),
    () => worker.stop(),
  )
  const id = broker.task('id', async (n: number) => n)
  const sum = broker.task('sum', async (ns: number[]) => ns.reduce((a, b) => a + b, 0))
  return { broker, worker, id, sum }
}

describe('canvases at their edges', () => {
  it('a chord without a header runs its body with nothing', async () => {
    const { sum } = await stage()
    expect(await (await chord([] as ReturnType<typeof sum.si>[], sum.s()).kiq()).result()).toBe(0)
  })

  it('settings of a step are checked, and later ones win', async () => {
    const { id, broker } = await stage()
    expect(() => id.s(1).set({ priority: 12 as never })).toThrow(/a priority is/)
    expect(() => id.s(1).set({ retry: { max: -1 } })).toThrow(/retry\.max/)
    expect(() => id.s(1).set({ timeout: 0 })).toThrow(/more than 0/)
    const set = id
      .s(1)
      .set({ queue: 'default', delay: 1, labels: { a: 1 } })
      .set({ labels: { b: 2 }, retry: false, timeout: '1s', priority: 'high' })
    const plan = set.toJSON()
    expect(plan).toMatchObject({
      settings: {
        queue: 'default',
        delay: 1,
        labels: { a: 1, b: 2, max_retries: 1, timeout: 1, priority: 7 },
      },
    })
    expect(await (await broker.canvas(plan).kiq()).result()).toBe(1)
  })

  it('a task with input takes the whole object, and nothing beside it', async () => {
    const { broker } = await stage()
    const input = z.object({ n: z.number() })
    const typed = broker.task({ name: 'typed', input }, async ({ n }) => ({ n: n + 1 }))
    expect(await (await chain(typed.s({ n: 1 }), typed.s()).kiq()).result()).toEqual({ n: 3 })
    const both: CanvasPlan = {
      kind: 'chain',
      steps: [0, 1].map(() => ({ kind: 'task', task: 'typed', args: [{ n: 1 }], open: true })),
    }
    await expect(broker.canvas(both).kiq()).rejects.toThrow(/takes one object/)
    expect(() => typed.si({ n: 'x' as never })).not.toThrow()
    await expect(typed.si({ n: 'x' as never }).kiq()).rejects.toThrow(/does not fit its schema/)
  })

  it('map hands an item to whatever stands first in its step', async () => {
    const { broker, id } = await stage()
    const items = broker.task('items', async () => [[1, 2], [3]])
    const open = (step: CanvasPlan): CanvasPlan => ({
      kind: 'chain',
      steps: [items.si().toJSON(), { kind: 'map', step }],
    })
    const one = id.s().toJSON()
    const results = [
      open({ kind: 'map', step: one }),
      open({ kind: 'group', steps: [{ kind: 'map', step: one }, id.si(7).toJSON()] }),
      open({ kind: 'chain', steps: [{ kind: 'map', step: one }] }),
    ].map(async (plan) => (await broker.canvas(plan).kiq()).result())
    expect(await Promise.all(results)).toEqual([
      [[1, 2], [3]],
      [
        [[1, 2], 7],
        [[3], 7],
      ],
      [[1, 2], [3]],
    ])
  })

  it('starmap and chunks want the task itself', async () => {
    const { id } = await stage()
    expect(() => starmap(id.s(1) as never)).toThrow(/the task itself/)
    expect(() => chunks(5 as never, [], 1)).toThrow(/the task itself/)
    expect(await (await chunks(id, [], 5).kiq()).result()).toEqual([])
  })

  it('a workflow is refused where the transport keeps none', async () => {
    const inner = memoryTransport()
    const transport = {
      ...inner,
      create: (around: Parameters<typeof inner.create>[0]) => ({
        ...inner.create(around),
        workflows: undefined,
      }),
    }
    const { id } = await stage({ transport })
    await expect(id.s(1).kiq()).rejects.toMatchObject({ code: 'UNSUPPORTED' })
  })

  it('results that are more than an array may hold are read one after the other', async () => {
    const { broker } = await stage()
    const big = broker.task('big', async () => 'x'.repeat(3_000_000))
    const all = broker.task('all', async (texts: string[]) => texts.length)
    const each = broker.task({ name: 'each', deps: { ctx: TaskContext } }, async ({ ctx }) => {
      let length = 0
      for await (const text of ctx.inputs()) length += String(text).length
      return length
    })
    const header = Array.from({ length: 6 }, () => big.si())
    await expect((await chord(header, all.s()).kiq()).result()).rejects.toThrow(/ctx\.inputs/)
    expect(await (await chord(header, each.si()).kiq()).result()).toBe(18_000_000)
  })
})

describe('runs at their edges', () => {
  it('are given up on by a caller whose time is up', async () => {
    const { broker } = await stage()
    const long = broker.task({ name: 'long', deps: { ctx: TaskContext } }, async ({ ctx }) => {
      await new Promise((resolve) => ctx.signal.addEventListener('abort', resolve))
    })
    const handle = await long.si().kiq()
    await expect(handle.result({ timeout: 20 })).rejects.toMatchObject({ code: 'RESULT_TIMEOUT' })
    await expect(handle.waitResult({ timeout: 1 })).rejects.toMatchObject({
      code: 'RESULT_TIMEOUT',
    })
    expect((await handle.nodes()).map(({ status }) => status)).toEqual(['running', 'waiting'])
    await handle.cancel()
  })

  it('end with the failure of a step that was cancelled by itself', async () => {
    const { broker, id } = await stage()
    const late = id.si(1).set({ delay: '1h' })
    const handle = await chain(late, id.si(2)).kiq()
    const [node] = await handle.nodes()
    expect(node?.status).toBe('scheduled')
    expect(await broker.cancel([node?.taskId ?? ''], 'not now')).toEqual([true])
    expect(await handle.waitResult()).toMatchObject({ status: 'failed', isErr: true })
    expect((await handle.nodes())[0]?.status).toBe('cancelled')
  })

  it('over their deadline are cancelled by a sweep of the workers, in virtual time', async () => {
    const clock = new ManualClock()
    const { id } = await stage({ clock, random: seededRandom(3) })
    const handle = await id.si(1).set({ delay: '1d' }).kiqAs({ deadline: '5m' })
    await clock.advance(240_000)
    expect(await handle.status()).toBe('running')
    await clock.advance(240_000)
    expect(await handle.status()).toBe('cancelled')
  })

  it('keep values where no results are kept', async () => {
    const { id } = await stage({ resultExpiresIn: false })
    const handle = await chain(id.s(4), id.s()).kiq()
    expect(await handle.result()).toBe(4)
  })
})

describe('what is left to do', () => {
  const around = { clock: systemClock, random: seededRandom(1) }
  const storeOf = (pump: () => Promise<{ more: boolean }>) =>
    ({ pump, onMore: () => {} }) as unknown as WorkflowStore

  it('is tried again a few times, then left to a sweep', async () => {
    const lines: string[] = []
    const logger = logTo((_, message) => void lines.push(message))
    let calls = 0
    const pump = new WorkflowPump(
      storeOf(async () => {
        calls++
        throw new Error('away')
      }),
      { ...around, logger },
    )
    pump.start()
    pump.start()
    pump.add('run')
    await pump.idle()
    expect([calls, lines]).toEqual([5, ['a workflow could not go on; a worker will find it']])
  })

  it('ends with the store', async () => {
    const pump = new WorkflowPump(
      storeOf(async () => {
        throw new NotStartedError('closed')
      }),
      { ...around, logger: silentLogger },
    )
    pump.add('run')
    await pump.idle()
    expect(pump.idle()).toBeInstanceOf(Promise)
  })
})

describe('pipelines at their edges', () => {
  it('travel as JSON only', async () => {
    const { broker, id } = await stage({ codec: taskiqMsgpack() })
    await expect(new Pipeline(broker, id).kiq(1)).rejects.toMatchObject({ code: 'UNSUPPORTED' })
  })

  it('send the object of a task with input as its arguments by name', async () => {
    const { broker, id } = await stage()
    const typed = broker.task(
      { name: 'typed', input: z.object({ n: z.number() }), queue: 'default', labels: { a: 1 } },
      async ({ n }) => n * 3,
    )
    const handle = await new Pipeline(broker, id).callAfter(typed, { n: 5 }).kiq(1)
    expect(await handle.result()).toBe(15)
    expect(() => new Pipeline(broker, 5 as never)).toThrow(/is a task/)
  })

  it('go on by what their labels say, whoever sent them', async () => {
    const { broker, id } = await stage()
    const data = new TextEncoder().encode('[{"step_type":"leap"}]')
    const handle = await id.kicker().withLabels({ _pipe_data: data, _pipe_current_step: 0 }).kiq(3)
    expect(await handle.result()).toBe(3)
    expect(runtimeOf(broker).taskOf('taskiq_pipelines.shared.wait_tasks')).toBeDefined()
    expect(group([]).toJSON()).toEqual({ kind: 'group', steps: [] })
  })
})
