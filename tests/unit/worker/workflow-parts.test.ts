import { expect, it } from 'vitest'
import type { BrokerRuntime } from '../../../src/broker/runtime.ts'
import { silentLogger } from '../../../src/core/logger.ts'
import { seededRandom } from '../../../src/core/random.ts'
import type { StartAnswer, WorkflowStore } from '../../../src/core/workflow-store.ts'
import { ManualClock } from '../../../src/testing/manual-clock.ts'
import type { Patience } from '../../../src/worker/patience.ts'
import { StartCheck } from '../../../src/worker/start-check.ts'
import { WorkflowSweep } from '../../../src/worker/workflow-sweep.ts'

function runtimeWith(workflows: Partial<WorkflowStore> | undefined, clock = new ManualClock()) {
  const surroundings = { clock, random: seededRandom(1), logger: silentLogger }
  return { clock, runtime: { workflows, surroundings } as unknown as BrokerRuntime }
}

const patience = { insist: (work: () => Promise<unknown>) => work() } as unknown as Patience
const place = { run: 'r', ord: 0, gen: 0 }

it('a step of a workflow does not start where none are kept', async () => {
  const { runtime } = runtimeWith(undefined)
  const answer = await new Promise<StartAnswer>((resolve, reject) =>
    new StartCheck(runtime, patience).ask({ place, known: undefined }, resolve, reject),
  )
  expect(answer).toMatchObject({ start: false, reason: expect.stringContaining('keeps none') })
})

it('what a claim knew of a start holds for 20 ms, and is asked for after that', async () => {
  const asked: unknown[] = []
  const { runtime, clock } = runtimeWith({
    check: async (places) => (asked.push(...places), places.map(() => told)),
  })
  const told = { start: true, source: 1 } as const
  const known = { at: clock.monotonic(), answer: { start: true, source: 7 } as const }
  const check = new StartCheck(runtime, patience)
  const ask = (): Promise<StartAnswer> =>
    new Promise((resolve, reject) => check.ask({ place, known }, resolve, reject))
  await clock.advance(20)
  expect(await ask()).toBe(known.answer)
  await clock.advance(1)
  expect(asked).toEqual([])
  expect(await ask()).toBe(told)
  expect(asked).toEqual([place])
})

it('a sweep goes on with what is left, and again after an error', async () => {
  const left = [['run'], []]
  const pumped: string[] = []
  let fails = true
  const { runtime, clock } = runtimeWith({
    sweep: async () => {
      if (!fails) return left.shift() ?? []
      fails = false
      throw new Error('away')
    },
    pump: async (run) => ({ more: pumped.push(run) < 3 }),
  })
  const sweep = new WorkflowSweep(runtime)
  sweep.start()
  await clock.advance(100_000)
  await clock.advance(100_000)
  await clock.advance(100_000)
  expect(pumped).toEqual(['run', 'run', 'run'])
  await sweep.stop()
  await sweep.stop()
  sweep.start()
  await clock.advance(1_000_000)
  expect(left).toEqual([])
})

it('nothing is swept where no workflows are kept', async () => {
  const { runtime, clock } = runtimeWith(undefined)
  const sweep = new WorkflowSweep(runtime)
  sweep.start()
  await clock.advance(1_000_000)
  await sweep.stop()
  expect(clock.now()).toBeGreaterThan(0)
})
