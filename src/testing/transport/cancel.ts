import assert from 'node:assert/strict'
import type { Delivery } from '../../core/delivery.ts'
import type { Outcome } from '../../core/settlement.ts'
import type { CancelAnswer } from '../../core/transport.ts'
import type { TransportBehaviour } from './harness.ts'
import {
  end,
  idsOf,
  longLease,
  look,
  message,
  messages,
  nothing,
  only,
  post,
  resultOf,
  slack,
  take,
  waitFor,
} from './verbs.ts'

const options = { reason: 'not needed', lease: longLease }
const asCancelled: { outcome: Outcome } = { outcome: { kind: 'cancelled', reason: 'not needed' } }

function waiting(answer: CancelAnswer | undefined): Delivery {
  assert.equal(answer?.state, 'waiting')
  return answer.delivery
}

/** Cancelling: what waits, what runs, and what nobody can undo. */
export const cancelBehaviours: readonly TransportBehaviour[] = [
  {
    name: 'cancel: what waits is claimed for the canceller, who ends it',
    async run(harness) {
      const [a, b] = [await harness.open(), await harness.open()]
      const sent = await post(harness, a.transport)
      const delivery = waiting(only(await b.transport.cancel([sent.id], options)))
      const { id, queue, body, cancelled, redeliveries } = delivery
      assert.deepEqual(
        [id, queue, body, cancelled, redeliveries],
        [sent.id, sent.queue, sent.body, 'not needed', 0],
      )
      await nothing(harness, a.transport)
      const rest = { ...asCancelled, result: resultOf(sent, 'cancelled') }
      assert.equal(await end(b.transport, delivery, rest), 'settled')
      assert.deepEqual(await b.results.get([sent.id]), [
        harness.capabilities.atomicResults ? 'cancelled' : null,
      ])
      await nothing(harness, a.transport)
    },
  },
  {
    name: 'cancel: works in the middle of a queue and leaves the order of the others',
    async run(harness) {
      const { transport } = await harness.open()
      const sent = messages(harness, 5)
      await transport.send(sent)
      const [second, fourth] = [sent[1], sent[3]]
      assert.ok(second && fourth)
      const answers = await transport.cancel([fourth.id, second.id], options)
      for (const answer of answers) await end(transport, waiting(answer), asCancelled)
      const left = sent.filter((it) => it !== second && it !== fourth)
      assert.deepEqual(idsOf(await look(harness, transport)), idsOf(left))
    },
  },
  {
    name: 'cancel: what is scheduled waits too',
    needs: 'delayed',
    async run(harness) {
      const { transport } = await harness.open()
      const sent = await post(harness, transport, { delay: harness.lease })
      const delivery = waiting(only(await transport.cancel([sent.id], options)))
      await harness.advance(harness.lease + slack)
      await nothing(harness, transport, { early: true })
      assert.equal(await end(transport, delivery, asCancelled), 'settled')
      await nothing(harness, transport, { early: true })
    },
  },
  {
    name: 'cancel: when the canceller dies, a receive that was waiting already gets the message',
    needs: 'delayed',
    async run(harness) {
      const [a, b] = [await harness.open(), await harness.open()]
      const sent = await post(harness, a.transport, { delay: 60_000 })
      const receiving = waitFor(harness, b.transport)
      await a.transport.cancel([sent.id], { ...options, lease: harness.lease })
      await harness.advance(harness.lease + slack)
      const again = only(await receiving)
      assert.deepEqual([again.id, again.cancelled, again.redeliveries], [sent.id, 'not needed', 1])
    },
  },
  {
    name: 'cancel: when the canceller dies, the message comes again with the mark',
    async run(harness) {
      const [a, b] = [await harness.open(), await harness.open()]
      const sent = await post(harness, a.transport)
      await a.transport.cancel([sent.id], { ...options, lease: harness.lease })
      await harness.advance(harness.lease + slack)
      const again = await take(harness, b.transport)
      assert.deepEqual([again.id, again.cancelled], [sent.id, 'not needed'])
      assert.equal(await end(b.transport, again), 'cancelled')
      assert.equal(await end(b.transport, again, asCancelled), 'settled')
    },
  },
  {
    name: 'cancel: of one that runs, every other outcome is refused and nothing is written',
    async run(harness) {
      const [a, b] = [await harness.open(), await harness.open()]
      const sent = await post(harness, a.transport)
      const delivery = await take(harness, a.transport)
      assert.deepEqual(await b.transport.cancel([sent.id], options), [{ state: 'running' }])
      const rest = { result: resultOf(sent), followUps: [message(harness)] }
      const outcomes: Outcome[] = [
        { kind: 'succeeded' },
        { kind: 'setAside', reason: 'failed', detail: 'why' },
        ...(harness.capabilities.delayed ? [{ kind: 'retry', delay: 0, body: 'x' } as const] : []),
      ]
      for (const outcome of outcomes) {
        assert.equal(await end(a.transport, delivery, { outcome, ...rest }), 'cancelled')
      }
      assert.deepEqual(await a.results.get([sent.id]), [null])
      await nothing(harness, a.transport)
      assert.equal(await end(a.transport, delivery, asCancelled), 'settled')
      assert.equal(await end(a.transport, delivery, asCancelled), 'gone')
    },
  },
  {
    name: 'cancel: only the marked messages of a batch are refused',
    async run(harness) {
      const { transport } = await harness.open()
      await transport.send(messages(harness, 3))
      const got = await look(harness, transport)
      await transport.cancel([got[1]?.id ?? ''], options)
      const answers = await transport.settle(
        got.map((claim) => ({ claim, outcome: { kind: 'succeeded' } as const })),
      )
      assert.deepEqual(answers, ['settled', 'cancelled', 'settled'])
    },
  },
  {
    name: 'cancel: one that runs may be given back, and comes again with the mark',
    async run(harness) {
      const { transport } = await harness.open()
      const sent = await post(harness, transport)
      const delivery = await take(harness, transport)
      await transport.cancel([sent.id], options)
      assert.deepEqual(await transport.release([delivery]), ['settled'])
      assert.equal((await take(harness, transport)).cancelled, 'not needed')
    },
  },
  {
    name: 'cancel: when the holder dies, the message comes again with the mark',
    async run(harness) {
      const [a, b] = [await harness.open(), await harness.open()]
      const sent = await post(harness, a.transport)
      const dead = await take(harness, a.transport, { lease: harness.lease })
      await b.transport.cancel([sent.id], options)
      await harness.advance(harness.lease + slack)
      const again = await take(harness, b.transport)
      assert.deepEqual([again.cancelled, again.redeliveries], ['not needed', 1])
      assert.equal(await end(a.transport, dead, asCancelled), 'taken')
    },
  },
  {
    name: 'cancel: extending reports it, and keeps the lease',
    async run(harness) {
      const [a, b] = [await harness.open(), await harness.open()]
      await a.transport.send(messages(harness, 2))
      const [marked, other] = await look(harness, a.transport, { lease: harness.lease })
      assert.ok(marked && other)
      await b.transport.cancel([marked.id], options)
      const report = await a.transport.extend([marked, other], longLease)
      assert.deepEqual(report.lost, [])
      const told = only(report.cancelled)
      assert.deepEqual(
        [told.claim.id, told.claim.token, told.reason],
        [marked.id, marked.token, 'not needed'],
      )
      await harness.advance(harness.lease + slack)
      await nothing(harness, b.transport)
      assert.equal(await end(a.transport, marked, asCancelled), 'settled')
    },
  },
  {
    name: 'cancel: a recovered delivery has the mark',
    async run(harness) {
      const { transport } = await harness.open()
      const sent = await post(harness, transport)
      await take(harness, transport)
      await transport.cancel([sent.id], options)
      const found = only(await transport.recover([], longLease))
      assert.equal(found.cancelled, 'not needed')
    },
  },
  {
    name: 'cancel: what has ended, lies in the dead letters or was never sent is unknown',
    async run(harness) {
      const { transport } = await harness.open()
      await transport.send(messages(harness, 2))
      const [ended, dead] = await look(harness, transport)
      assert.ok(ended && dead)
      await end(transport, ended)
      const outcome = { kind: 'setAside', reason: 'failed', detail: 'why' } as const
      await end(transport, dead, { outcome })
      const queued = await post(harness, transport)
      const ids = [harness.id(), ended.id, queued.id, dead.id]
      const states = (await transport.cancel(ids, options)).map(({ state }) => state)
      assert.deepEqual(states, ['unknown', 'unknown', 'waiting', 'unknown'])
    },
  },
  {
    name: 'cancel: twice is claimed once',
    async run(harness) {
      const [a, b] = [await harness.open(), await harness.open()]
      const sent = await post(harness, a.transport)
      const answers = [
        ...(await a.transport.cancel([sent.id], options)),
        ...(await b.transport.cancel([sent.id], options)),
      ]
      assert.deepEqual(
        answers.map(({ state }) => state),
        ['waiting', 'running'],
      )
      assert.equal(await end(a.transport, waiting(answers[0]), asCancelled), 'settled')
    },
  },
  {
    name: 'cancel: against a receive at the same time, exactly one of them gets the message',
    async run(harness) {
      const [a, b] = [await harness.open(), await harness.open()]
      for (let round = 0; round < 20; round++) {
        const sent = await post(harness, a.transport)
        const calls = [
          () => look(harness, a.transport).then(([found]) => ({ by: a, found })),
          () =>
            b.transport.cancel([sent.id], options).then(([answer]) => ({
              by: b,
              found: answer?.state === 'waiting' ? answer.delivery : undefined,
            })),
        ]
        if (round % 2 === 1) calls.reverse()
        const both = await Promise.all(calls.map((call) => call()))
        const { by, found } = only(both.filter((one) => one.found !== undefined))
        assert.ok(found)
        assert.equal(await end(by.transport, found), 'cancelled')
        assert.equal(await end(by.transport, found, asCancelled), 'settled')
      }
    },
  },
]
