import { afterEach, describe, expect, it } from 'vitest'
import { ClaimBook } from '../../../src/broker/claim-book.ts'
import type { BrokerRuntime } from '../../../src/broker/runtime.ts'
import type { Delivery, LeaseToken } from '../../../src/core/delivery.ts'
import { NotStartedError } from '../../../src/core/errors.ts'
import { silentLogger } from '../../../src/core/logger.ts'
import { seededRandom } from '../../../src/core/random.ts'
import type { ReceiveRequest, Transport } from '../../../src/core/transport.ts'
import { ManualClock } from '../../../src/testing/manual-clock.ts'
import { Receiver } from '../../../src/worker/receiver.ts'
import { turns } from '../broker/stage.ts'
import { delivery } from './stage.ts'

const stops: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})

/** A store whose long polls the test answers. */
function newStage() {
  const clock = new ManualClock()
  const polls: {
    request: ReceiveRequest
    answer: (found: readonly Delivery[]) => void
    fail: (error: unknown) => void
  }[] = []
  const recovers: (readonly LeaseToken[])[] = []
  const taken: unknown[] = []
  const errors: unknown[] = []
  const state = {
    room: 5,
    suspects: 1,
    closed: 0,
    runs: 0,
    lost: [] as Delivery[],
    recoverFails: 0,
  }
  const transport = {
    receive: (request: ReceiveRequest) =>
      new Promise<readonly Delivery[]>((resolve, reject) => {
        polls.push({ request, answer: resolve, fail: reject })
        request.signal.addEventListener('abort', () => resolve([]))
      }),
    recover: async (known: readonly LeaseToken[]) => {
      recovers.push(known)
      if (state.recoverFails-- > 0) throw new Error('still away')
      return state.lost.splice(0)
    },
  } as unknown as Transport
  const claims = new ClaimBook(transport)
  const runtime = {
    transport,
    claims,
    surroundings: { clock, random: seededRandom(1), logger: silentLogger },
  } as unknown as BrokerRuntime
  const receiver = new Receiver({
    runtime,
    queues: () => ['q'],
    lease: 1000,
    room: () => state.room,
    suspects: () => state.suspects,
    take: (deliveries) => taken.push(...deliveries.map(({ token }) => token)),
    run: () => state.runs++,
    onError: (error) => errors.push(error),
    onClosed: () => state.closed++,
  })
  stops.push(() => receiver.stop())
  return { receiver, polls, recovers, taken, errors, state, clock, claims }
}

describe('a receiver', () => {
  it('asks for what there is room for, one poll at a time', async () => {
    const { receiver, polls, taken, state } = newStage()
    receiver.start()
    receiver.start()
    expect(polls).toHaveLength(1)
    expect(polls[0]!.request).toMatchObject({ queues: ['q'], room: 5, suspects: 1, lease: 1000 })
    state.room = 0
    polls[0]!.answer([delivery({ token: 1 })])
    await turns()
    expect([taken, polls.length]).toEqual([[1], 1])
    receiver.roomChanged()
    await turns()
    expect(polls).toHaveLength(1)
    state.room = 2
    receiver.roomChanged()
    await turns()
    expect(polls[1]!.request.room).toBe(2)
  })

  it('asks again when it may hold a suspect: one that waits would wait for ever', async () => {
    const { receiver, polls, state } = newStage()
    state.suspects = 0
    receiver.start()
    receiver.roomChanged()
    await turns()
    expect(polls).toHaveLength(1)
    expect(polls[0]!.request.suspects).toBe(0)
    state.suspects = 1
    receiver.roomChanged()
    await turns()
    expect(polls).toHaveLength(2)
    expect(polls[1]!.request.suspects).toBe(1)
    receiver.roomChanged()
    await turns()
    expect(polls).toHaveLength(2)
  })

  it('takes what a poll still brings when it stops', async () => {
    const { receiver, polls, taken } = newStage()
    receiver.start()
    polls[0]!.request.signal.addEventListener('abort', () => {})
    polls[0]!.answer([delivery({ token: 4 })])
    await receiver.stop()
    expect(taken).toEqual([4])
    expect(polls[0]!.request.signal.aborted).toBe(true)
    await receiver.stop()
    expect(polls).toHaveLength(1)
  })

  it('stops while it waits for room, and before it began', async () => {
    const { receiver, state, polls } = newStage()
    state.room = 0
    receiver.start()
    await turns()
    await receiver.stop()
    expect(polls).toEqual([])
    await newStage().receiver.stop()
  })

  it('waits after an error, ever longer, then looks for what was lost', async () => {
    const { receiver, polls, recovers, taken, errors, state, clock } = newStage()
    receiver.start()
    polls[0]!.answer([delivery({ token: 1 })])
    await turns()
    state.recoverFails = 1
    polls[1]!.fail(new Error('away'))
    await turns()
    expect([errors.length, polls.length, recovers.length]).toEqual([1, 2, 0])
    state.lost = [delivery({ token: 9 })]
    await clock.advance(1000)
    expect(recovers).toEqual([[1], [1]])
    expect(taken).toEqual([1, 9])
    expect(errors).toHaveLength(2)
    await turns()
    expect(polls).toHaveLength(3)
  })

  it('goes on fetching while others claim, and looks once they are done', async () => {
    const { receiver, polls, recovers, clock, claims } = newStage()
    receiver.start()
    let end: (found: readonly Delivery[]) => void = () => {}
    const other = claims.claim(
      () => new Promise<readonly Delivery[]>((resolve) => (end = resolve)),
      (found) => found,
    )
    polls[0]!.fail(new Error('away'))
    await clock.advance(100)
    expect([polls.length, recovers.length]).toEqual([2, 0])
    end([])
    await other
    polls[1]!.answer([])
    await turns()
    expect([polls.length, recovers.length]).toEqual([3, 1])
  })

  it('looks for what was lost before it stops: left alone it would count as a lost lease', async () => {
    const { receiver, polls, taken, state, recovers } = newStage()
    receiver.start()
    polls[0]!.fail(new Error('away'))
    await turns()
    state.lost = [delivery({ token: 9 })]
    await receiver.stop()
    expect(taken).toEqual([9])
    expect(recovers).toHaveLength(1)
    const failing = newStage()
    failing.receiver.start()
    failing.polls[0]!.fail(new Error('away'))
    await turns()
    failing.state.recoverFails = 1
    await failing.receiver.stop()
    expect(failing.errors).toHaveLength(2)
  })

  it('ends when the store was closed for good', async () => {
    const { receiver, polls, state, clock } = newStage()
    receiver.start()
    polls[0]!.fail(new NotStartedError('stopped'))
    await clock.advance(60_000)
    expect([state.closed, polls.length]).toEqual([1, 1])
  })
})
