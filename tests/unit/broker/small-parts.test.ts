import { expect, it } from 'vitest'
import { createBroker } from '../../../src/broker/create-broker.ts'
import { callDirectly } from '../../../src/broker/direct-call.ts'
import { finish, settle, settlementOf } from '../../../src/broker/finish.ts'
import { enterIsolation, isIsolated } from '../../../src/broker/isolation.ts'
import { Lineage, lineOf } from '../../../src/broker/lineage.ts'
import { isRefusal } from '../../../src/broker/refusal.ts'
import { runtimeOf, type BrokerRuntime } from '../../../src/broker/runtime.ts'
import { TaskHome } from '../../../src/broker/task-home.ts'
import { readRemoteDefinition } from '../../../src/broker/task-definition.ts'
import { QueueFullError, StoreError } from '../../../src/core/errors.ts'
import type { ResultRecord } from '../../../src/core/result.ts'
import { thrownBy } from './stage.ts'

const claim = { id: 'm', queue: 'q', token: 1 }
const record: ResultRecord = {
  status: 'succeeded',
  value: 1,
  executionTime: 0,
  labels: {},
  error: null,
}

it('tells a refusal from a store that is away', () => {
  expect(isRefusal(new QueueFullError('q', 1))).toBe(true)
  expect(isRefusal(new StoreError('away'))).toBe(false)
  expect(isRefusal(new TypeError('bug'))).toBe(false)
})

it('knows the running message, and nothing outside of it', async () => {
  const [on, off, other] = [new Lineage(true), new Lineage(false), new Lineage(true)]
  const line = { id: 'a', root: 'r' }
  const inside = await on.run(line, async () => {
    await Promise.resolve()
    return [on.current(), off.current(), other.current()]
  })
  // Another broker's sender knows it too.
  expect(inside).toEqual([line, undefined, line])
  expect(off.run(line, () => on.current())).toBeUndefined()
  expect(on.current()).toBeUndefined()
  const message = { id: 'a', task: 't', args: [], kwargs: {} }
  expect(lineOf({ ...message, labels: { tw_root: 'r' } })).toEqual(line)
  expect(lineOf({ ...message, labels: { tw_root: 5 } })).toEqual({ id: 'a', root: 'a' })
})

it('refuses sends that would be lost with an isolated run', async () => {
  const place = globalThis as { [key: symbol]: unknown }
  enterIsolation()
  try {
    expect(isIsolated()).toBe(true)
    await using broker = createBroker('memory:')
    const task = broker.task('t', async () => {})
    expect(await thrownBy(task.kiq())).toMatchObject({ code: 'UNSUPPORTED' })
  } finally {
    delete place[Symbol.for('taskwright.isolated')]
  }
  expect(isIsolated()).toBe(false)
})

it('redirects tasks to another runtime, nested, until it is over', () => {
  const home = new TaskHome()
  const [one, two, three] = [{}, {}, {}] as [BrokerRuntime, BrokerRuntime, BrokerRuntime]
  expect(() => home.runtime('t')).toThrow(/task 't' belongs to shared tasks/)
  home.settle(one)
  home.settle(two)
  expect(home.runtime('t')).toBe(one)
  const back = home.redirect(two)
  const further = home.redirect(three)
  expect(home.runtime('t')).toBe(three)
  back()
  expect(home.runtime('t')).toBe(three)
  further()
  further()
  expect(home.runtime('t')).toBe(one)
})

it('does not call what is remote', async () => {
  const runtime = runtimeOf(createBroker('memory:'))
  const remote = readRemoteDefinition('far')
  await expect(callDirectly(runtime, remote, [])).rejects.toMatchObject({ code: 'UNSUPPORTED' })
})

it('tells how a message ended though its labels cannot be told', () => {
  const runtime = runtimeOf(createBroker('memory:'))
  const labels = { huge: 'x'.repeat(5_000_000) }
  const ending = { claim, outcome: { kind: 'succeeded' }, task: undefined } as const
  const failed = { ...record, status: 'failed', labels } as const
  const { result } = settlementOf(runtime, { ...ending, record: failed })
  expect(runtime.resultCodec.decodeResult(result!.body)).toMatchObject({ labels: {} })
  expect(() => settlementOf(runtime, { ...ending, record: { ...record, labels } })).toThrow(/bytes/)
  const followUps = [{ id: 'n', queue: 'q', priority: 4, body: '' }]
  expect(settlementOf(runtime, { ...ending, followUps })).toEqual({
    claim,
    outcome: ending.outcome,
    followUps,
  })
})

it('saves results before it settles where they live elsewhere', async () => {
  const seen: unknown[] = []
  const runtime = {
    ...runtimeOf(createBroker('memory:')),
    resultsInSettle: false,
    results: { save: async (results: unknown[]) => (seen.push(results.length), results) },
    transport: {
      settle: async (settlements: { result?: unknown }[]) => {
        seen.push(settlements.map(({ result }) => result))
        return settlements.map(() => 'settled')
      },
    },
  } as unknown as BrokerRuntime
  const outcome = { kind: 'succeeded' } as const
  await finish(runtime, [{ claim, outcome, task: undefined, record }])
  await settle(runtime, [{ claim, outcome }], (settlements) =>
    runtime.transport.settle(settlements),
  )
  expect(seen).toEqual([1, [undefined], [undefined]])
})
