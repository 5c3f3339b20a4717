/** A settle that claims what comes next: no more than there is room for, and nothing that is lost with its answer. */
import { describe, expect, it } from 'vitest'
import { ClaimBook } from '../../../src/broker/claim-book.ts'
import type { BrokerRuntime } from '../../../src/broker/runtime.ts'
import type { Delivery } from '../../../src/core/delivery.ts'
import type { NodePart, Settlement } from '../../../src/core/settlement.ts'
import type { NextRequest, SettledAndNext, Transport } from '../../../src/core/transport.ts'
import { chain } from '../../../src/workflows/chain.ts'
import { HandOver } from '../../../src/worker/hand-over.ts'
import { Slots } from '../../../src/worker/slots.ts'
import type { WorkerSettings } from '../../../src/worker/worker-settings.ts'
import { turns } from '../broker/stage.ts'
import { delivery, stage } from './stage.ts'

const graft = { lo: 5, hi: 6, end: 7, sink: 6 }

function step(node: Partial<NodePart> | undefined = {}): Settlement {
  const place = { run: 'r', ord: 0, gen: 0, verdict: 'ok' } as const
  const outcome = { kind: 'succeeded' } as const
  return { claim: delivery({ token: 1 }), outcome, node: node && { ...place, ...node } }
}

function newStage(
  settings: Partial<WorkerSettings> = {},
  capabilities: Partial<Transport['capabilities']> = { receivesInSettle: true },
) {
  const slots = new Slots(3, 0)
  const asked: NextRequest[] = []
  const plain: number[] = []
  const taken: unknown[] = []
  let unsure = 0
  const state: { answer: readonly Delivery[]; fails: boolean } = { answer: [], fails: false }
  const transport = {
    capabilities,
    settle: async ({ length }: readonly Settlement[]) => (
      plain.push(length),
      Array.from({ length }, () => 'settled' as const)
    ),
    async settleAndReceive(
      settlements: readonly Settlement[],
      next: NextRequest,
    ): Promise<SettledAndNext> {
      asked.push(next)
      if (state.fails) throw new Error('away')
      return { statuses: settlements.map(() => 'settled'), next: state.answer }
    },
  } as unknown as Transport
  const claims = new ClaimBook(transport)
  const runtime = { transport, claims, resultsInSettle: true } as unknown as BrokerRuntime
  const handOver = new HandOver({
    runtime,
    settings: { maxTasks: Infinity, lease: 1000, ...settings } as WorkerSettings,
    slots,
    queues: () => ['q'],
    take: (deliveries) => taken.push(deliveries.map(({ token }) => token)),
    onUnsure: () => unsure++,
  })
  const settle = async (...batch: Settlement[]) => {
    for (const one of batch) handOver.expect(one)
    return handOver.settle(batch)
  }
  return { handOver, slots, asked, plain, taken, state, settle, unsure: () => unsure }
}

describe('a settle of steps', () => {
  it('asks for as many as have ended, whose slots are kept meanwhile', async () => {
    const { handOver, slots, asked, taken, state } = newStage()
    state.answer = [delivery({ token: 7 })]
    const batch = [step(), step()]
    for (const one of batch) handOver.expect(one)
    expect(slots.room()).toBe(1)
    expect(await handOver.settle(batch)).toEqual(['settled', 'settled'])
    expect(asked).toEqual([{ queues: ['q'], room: 2, lease: 1000 }])
    expect(taken).toEqual([[7]])
    expect(slots.room()).toBe(3)
  })

  it.each([
    ['a message of no workflow', [undefined]],
    ['a step that failed', [{ verdict: 'failed' }]],
    ['a step that goes on as others', [{ graft }]],
  ] as const)('asks for nothing after %s', async (_, [node]) => {
    const { settle, slots, asked, plain } = newStage()
    await settle(node === undefined ? { ...step(), node: undefined } : step(node))
    expect([asked, plain, slots.room()]).toEqual([[], [1], 3])
  })

  it.each([
    ['the transport cannot', {}, {}],
    ['rooms are shared by weights', { shares: { kind: 'strict' } as never }, undefined],
    ['only so many tasks are to be run', { maxTasks: 10 }, undefined],
  ])('asks for nothing where %s', async (_, settings, capabilities) => {
    const { settle, asked, plain } = newStage(settings, capabilities)
    await settle(step())
    expect([asked, plain]).toEqual([[], [1]])
  })

  it('asks for nothing once it was closed', async () => {
    const { handOver, settle, asked } = newStage()
    handOver.close()
    await settle(step())
    expect(asked).toEqual([])
  })

  it('frees its slots and says that claims may be ours where the answer is lost; the next try claims nothing', async () => {
    const { handOver, settle, slots, state, asked, plain, taken, unsure } = newStage()
    state.fails = true
    await expect(settle(step())).rejects.toThrow('away')
    expect([unsure(), slots.room(), taken]).toEqual([1, 3, [[]]])
    await handOver.settle([step()])
    expect([asked.length, plain]).toEqual([1, [1]])
  })

  it('keeps no slots for long where nothing follows, and looks again now and then', async () => {
    const { settle, asked, state } = newStage()
    for (let i = 0; i < 40; i++) await settle(step())
    const misses = asked.length
    expect(misses).toBeLessThan(15)
    state.answer = [delivery({ token: 7 })]
    for (let i = 0; i < 60; i++) await settle(step())
    expect(asked.length - misses).toBeGreaterThan(40)
  })
})

describe('a worker', () => {
  const answers = { lose: false, claimed: [] as (readonly Delivery[])[], released: 0 }
  const newWorker = () => {
    Object.assign(answers, { lose: false, claimed: [], released: 0 })
    return stage((inner) => ({
      async settleAndReceive(settlements, next) {
        const answer = await inner.settleAndReceive!(settlements, next)
        answers.claimed.push(answer.next)
        if (!answers.lose) return answer
        answers.lose = false
        throw new Error('the answer was lost')
      },
      release(claims) {
        answers.released += claims.length
        return inner.release(claims)
      },
    }))
  }

  it('goes from step to step by its settles alone', async () => {
    const { broker, work } = newWorker()
    const seen: number[] = []
    const add = broker.task('add', async (n: number) => (seen.push(n), n + 1))
    const worker = await work({ concurrency: 1, prefetch: 0 })
    const handle = await chain(add.s(), add.s(), add.s(), add.s()).kiq(0)
    expect(await handle.result()).toBe(4)
    expect(seen).toEqual([0, 1, 2, 3])
    expect(answers.claimed.map(({ length }) => length)).toEqual([1, 1, 1, 0])
    await worker.stop()
  })

  it('finds again what was claimed by a settle whose answer was lost, at no cost to the message', async () => {
    const { broker, work, clock, events } = newWorker()
    const attempts: number[] = []
    const add = broker.task('add', async (n: number) => (attempts.push(n), n + 1))
    const worker = await work({ concurrency: 1, prefetch: 0 })
    answers.lose = true
    const handle = await chain(add.s(), add.s(), add.s()).kiq(0)
    await clock.advance(1000)
    expect(await handle.result()).toBe(3)
    expect(attempts).toEqual([0, 1, 2])
    expect(events('store-failed')).toHaveLength(1)
    expect(events('task-lost')).toEqual([])
    await worker.stop()
  })

  it('gives back what its last settle has claimed when it stops', async () => {
    const { broker, work } = newWorker()
    let stopping: Promise<void> | undefined
    const seen: string[] = []
    const first = broker.task('first', async () => {
      seen.push('first')
      // The settle of this step is asked for what comes next; its worker closes before it answers.
      queueMicrotask(() =>
        queueMicrotask(() => {
          stopping = worker.stop()
        }),
      )
    })
    const second = broker.task('second', async () => void seen.push('second'))
    const worker = await work({ concurrency: 1, prefetch: 0 })
    const handle = await chain(first.si(), second.si()).kiq()
    await turns()
    await stopping
    expect(seen).toEqual(['first'])
    expect([answers.claimed.map(({ length }) => length), answers.released]).toEqual([[1], 1])
    const other = await work()
    await handle.result()
    expect(seen).toEqual(['first', 'second'])
    await other.stop()
  })
})
