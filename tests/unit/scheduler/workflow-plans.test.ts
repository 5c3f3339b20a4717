/** Plans of workflows: each slot starts one run, and overlap means the run. */
import { describe, expect, it } from 'vitest'
import { createBroker } from '../../../src/broker/create-broker.ts'
import { runOfMessage } from '../../../src/core/node-id.ts'
import { slotMessageId } from '../../../src/cron/plan-slots.ts'
import { configSource } from '../../../src/scheduler/config-source.ts'
import { createScheduler } from '../../../src/scheduler/create-scheduler.ts'
import { storeSource } from '../../../src/scheduler/store-source.ts'
import { testBroker } from '../../../src/testing/index.ts'
import { chain } from '../../../src/workflows/chain.ts'
import { chord } from '../../../src/workflows/chord.ts'
import { Stage } from './stage.ts'

const start = Date.UTC(2030, 0, 1)

/** A broker with two steps; `slow` ends when the test says so. */
function stage(mode: 'inline' | 'concurrent' = 'concurrent') {
  const broker = createBroker('sqlite:./never-made.db')
  const held: (() => void)[] = []
  const load = broker.task('load', async (name: string) => name.length)
  const double = broker.task({ name: 'double', queue: 'sums' }, async (n: number) => n * 2)
  const slow = broker.task('slow', async () => {
    await new Promise<void>((resolve) => held.push(resolve))
  })
  const source = storeSource(broker)
  const app = testBroker(broker, { mode, seed: 5, start: new Date(start) })
  return { broker, held, load, double, slow, source, app }
}

/** Slots at whole minutes. */
const each = { every: '1m', start: new Date(start + 60_000), id: 'one' } as const

/** The run of a slot. */
function runOf(plan: string, slot: number): string {
  return runOfMessage(slotMessageId(plan, start + slot)) ?? ''
}

describe.each(['inline', 'concurrent'] as const)('plans of workflows, %s', (mode) => {
  it('start a run for each slot, whose id follows from plan and slot, with two schedulers', async () => {
    const { broker, load, double, source, app } = stage(mode)
    await using _ = app
    const [a, b] = [createScheduler({ broker }), createScheduler({ broker })]
    await Promise.all([a.start(), b.start()])
    const canvas = chord([load.s(), load.si('four')], double.si(4))
    const line = { cron: '*/10 * * * *', id: 'often', name: 'ten', deadline: '30m' } as const
    const plan = await canvas.scheduleByCron(source, line, 'abc')
    expect(plan.scheduleId).toBe('often')
    expect(await plan.next()).toEqual([new Date(start + 600_000)])
    await app.clock.advance('30m')
    await app.idle()
    const runs = await broker.workflows()
    expect(runs.map(({ runId }) => runId).sort()).toEqual(
      [1, 2, 3].map((ten) => runOf('often', ten * 600_000)).sort(),
    )
    expect(new Set(runs.map(({ name, state }) => `${name}: ${state}`))).toEqual(
      new Set(['ten: succeeded']),
    )
    expect(app.sent(load).map(({ args }) => args[0])).toHaveLength(6)
    expect(await broker.workflow(runOf('often', 600_000)).result()).toBe(8)
    expect(app.failures).toEqual([])
    await Promise.all([a.stop(), b.stop()])
  })

  it('can be paused, resumed, run now and removed', async () => {
    const { broker, load, double, source, app } = stage(mode)
    await using _ = app
    const scheduler = createScheduler({ broker })
    await scheduler.start()
    const plan = await chain(load.s('abc'), double.s()).scheduleByInterval(source, '1m')
    await plan.pause()
    await app.clock.advance('5m')
    await app.idle()
    expect(await broker.workflows()).toEqual([])
    const handle = await plan.runNow()
    await app.idle()
    expect(await handle.result()).toBe(6)
    const again = await scheduler.run(plan.scheduleId)
    await app.idle()
    expect('runId' in again && (await again.result())).toBe(6)
    await plan.resume()
    await app.clock.advance('1m')
    await app.idle()
    expect(await broker.workflows()).toHaveLength(3)
    expect(await plan.unschedule()).toBe(true)
    await app.clock.advance('5m')
    await app.idle()
    expect(await broker.workflows()).toHaveLength(3)
    await scheduler.stop()
  })

  it('for one moment are gone when they have been sent', async () => {
    const { broker, load, source, app } = stage(mode)
    await using _ = app
    const scheduler = createScheduler({ broker })
    await scheduler.start()
    await load.s().scheduleByTime(source, new Date(start + 60_000), 'x')
    await app.clock.advance('2m')
    await app.idle()
    expect(app.sent(load)).toHaveLength(1)
    expect((await source.read()).plans).toEqual([])
    await scheduler.stop()
  })

  it('may stand in a configuration', async () => {
    const { broker, load, double, app } = stage(mode)
    await using _ = app
    const entries = {
      nightly: { workflow: chain(load.s(), double.s()), args: ['abcd'], cron: '0 1 * * *' },
    } as const
    const scheduler = createScheduler({ broker, sources: [configSource(broker, entries)] })
    await scheduler.start()
    await app.clock.advance('61m')
    await app.idle()
    expect(await broker.workflow(runOf('nightly', 3_600_000)).result()).toBe(8)
    await scheduler.stop()
    const wrong = { nightly: { workflow: double.s(), cron: '0 3 * * *' } } as never
    await expect(
      createScheduler({ broker, sources: [configSource(broker, wrong)] }).start(),
    ).rejects.toThrow(/schedule entry 'nightly'/)
  })
})

describe('overlap of workflows', () => {
  it('skip: leaves out slots while the run is going, not only its start', async () => {
    const { broker, held, slow, load, source, app } = stage()
    await using _ = app
    const scheduler = createScheduler({ broker })
    await scheduler.start()
    const canvas = chain(slow.si(), load.si('x'))
    await canvas.scheduleByInterval(source, { ...each, overlap: 'skip' })
    await app.clock.advance('5m')
    expect(await broker.workflows()).toHaveLength(1)
    expect(scheduler.counts.skipped).toBe(4)
    held.shift()?.()
    await app.clock.advance('90s')
    const states = (await broker.workflows()).map(({ state }) => state)
    expect(states.sort()).toEqual(['running', 'succeeded'])
    held.shift()?.()
    await scheduler.stop()
  })

  it('queue-one: one waits for the end of the run', async () => {
    const { broker, held, slow, source, app } = stage()
    await using _ = app
    const scheduler = createScheduler({ broker })
    await scheduler.start()
    await slow.si().scheduleByInterval(source, { ...each, overlap: 'queue-one' })
    await app.clock.advance('5m')
    expect(await broker.workflows()).toHaveLength(1)
    held.shift()?.()
    await app.clock.advance('1s')
    const runs = (await broker.workflows()).map(({ runId, state }) => [runId, state])
    expect(runs).toContainEqual([runOf('one', 60_000), 'succeeded'])
    expect(runs).toContainEqual([runOf('one', 120_000), 'running'])
    held.shift()?.()
    await scheduler.stop()
  })

  it('cancel-running: cancels the run, and starts the next', async () => {
    const { broker, held, slow, load, source, app } = stage()
    await using _ = app
    const scheduler = createScheduler({ broker })
    await scheduler.start()
    const canvas = chain(slow.si(), load.si('x'))
    await canvas.scheduleByInterval(source, { ...each, overlap: 'cancel-running' })
    await app.clock.advance('2m')
    const runs = (await broker.workflows()).map(({ runId, state }) => [runId, state])
    expect(runs).toContainEqual([runOf('one', 60_000), 'cancelled'])
    expect(runs).toContainEqual([runOf('one', 120_000), 'running'])
    for (const end of held) end()
    await app.idle()
    expect(app.sent(load).map(({ labels }) => labels['tw_run'])).toEqual([runOf('one', 120_000)])
    await scheduler.stop()
  })

  it('cancel-running: a start that is under way when it is cancelled starts nothing', async () => {
    const still = new Stage(start)
    const broker = still.broker({})
    const load = broker.task('load', async (name: string) => name.length)
    const canvas = load.si('x')
    const line = { ...each, overlap: 'cancel-running' } as const
    await canvas.scheduleByInterval(storeSource(broker), line)
    await using scheduler = createScheduler({ broker })
    await scheduler.start()
    await still.clock.advance(60_000)
    // The message of the first slot is in the hands of a worker that gets no further.
    const held = await still.hold(broker)
    expect(held?.id).toBe(slotMessageId('one', start + 60_000))
    await still.clock.advance(60_000)
    expect(still.times('taskwright.start')).toEqual([60_000, 120_000])
    const late = await canvas.kiqAs({ id: runOf('one', 60_000) })
    expect(late.isDuplicate).toBe(true)
    expect(await late.status()).toBe('cancelled')
    await still.close()
  })
})

describe('plans of workflows are refused', () => {
  it('where they could not be sent', async () => {
    const { load, double, source, app } = stage()
    await using _ = app
    const other = createBroker('memory:')
    const foreign = other.task('foreign', async () => {})
    const canvas = chain(load.s('x'), double.s())
    await expect(canvas.scheduleByCron(source, '*/60 * * * *')).rejects.toThrow(/every/)
    await expect(chain(load.s('x'), foreign.si()).scheduleByCron(source, '@daily')).rejects.toThrow(
      /no task of that name/,
    )
    await expect(
      (load.s as () => { scheduleByCron: (...a: unknown[]) => Promise<unknown> })().scheduleByCron(
        source,
        '@daily',
      ),
    ).rejects.toThrow(/takes 1 argument/)
    await expect(
      canvas.scheduleByInterval(source, { every: '1m', deadline: 'soon' as never }),
    ).rejects.toThrow(/not a duration/)
    expect((await source.read()).plans).toEqual([])
    await other.stop()
  })

  it('by a scheduler that does not know a step, and those that it cannot read', async () => {
    const { broker, source, app } = stage()
    await using _ = app
    const scheduler = createScheduler({ broker })
    await scheduler.start()
    const plan = (id: string, canvas: unknown) =>
      ({
        id,
        task: 'taskwright.start',
        args: [{ canvas, run: {}, input: [] }],
        kwargs: {},
        labels: {},
        every: 60_000,
      }) as const
    await source.put([
      plan('strange', { kind: 'task', task: 'elsewhere', args: [], open: false }),
      plan('broken', { kind: 'chain', steps: 'no list' }),
      plan('nothing', null),
    ])
    await app.clock.advance('2s')
    const { bad } = await scheduler.status()
    expect(Object.fromEntries(bad.map(({ id, why }) => [id, why]))).toEqual({
      strange: "the broker has no task 'elsewhere'. Import the module that defines it.",
      broken: 'its workflow cannot be read.',
      nothing: 'its workflow cannot be read.',
    })
    await scheduler.stop()
  })
})
