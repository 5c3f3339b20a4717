import assert from 'node:assert/strict'
import type { NodePart } from '../../core/settlement.ts'
import type { TransportBehaviour } from './harness.ts'
import {
  bodiesOf,
  end,
  idsOf,
  look,
  longLease,
  message,
  messages,
  nothing,
  only,
  post,
  refuses,
  resultOf,
  slack,
  succeeded,
  take,
  waitFor,
} from './verbs.ts'

const node: NodePart = { run: 'run', ord: 0, gen: 0, verdict: 'ok' }

/** Ending deliveries: the answers, and that all of a settlement is one step. */
export const settleBehaviours: readonly TransportBehaviour[] = [
  {
    name: 'settle: a succeeded message never comes again',
    async run(harness) {
      const { transport } = await harness.open()
      await post(harness, transport)
      const delivery = await take(harness, transport, { lease: harness.lease })
      assert.equal(await end(transport, delivery), 'settled')
      await harness.advance(harness.lease + slack)
      await nothing(harness, transport)
    },
  },
  {
    name: 'settle: the same settlement again is gone',
    async run(harness) {
      const { transport } = await harness.open()
      await post(harness, transport)
      const delivery = await take(harness, transport)
      const followUps = [message(harness)]
      assert.equal(await end(transport, delivery, { followUps }), 'settled')
      assert.equal(await end(transport, delivery, { followUps }), 'gone')
      assert.deepEqual(idsOf(await look(harness, transport)), idsOf(followUps))
    },
  },
  {
    name: 'settle: nothing to settle has no answers',
    async run(harness) {
      const { transport } = await harness.open()
      assert.deepEqual(await transport.settle([]), [])
    },
  },
  {
    name: 'settle: a batch of mixed claims is answered for each, in order',
    async run(harness) {
      const { transport } = await harness.open()
      await transport.send(messages(harness, 4))
      const [done, lost, mine, last] = await look(harness, transport, { room: 4 })
      assert.ok(done && lost && mine && last)
      await end(transport, done)
      await transport.release([lost])
      const claims = [mine, done, lost, last, mine]
      const answers = await transport.settle(
        claims.map((claim) => ({ claim, outcome: succeeded, result: resultOf(claim) })),
      )
      assert.deepEqual(answers, ['settled', 'gone', 'taken', 'settled', 'gone'])
    },
  },
  {
    name: 'settle: an outcome of every kind in one batch',
    needs: 'delayed',
    async run(harness) {
      const { transport } = await harness.open()
      await transport.send(messages(harness, 4))
      const [a, b, c, d] = await look(harness, transport)
      assert.ok(a && b && c && d)
      const answers = await transport.settle([
        { claim: a, outcome: succeeded },
        { claim: b, outcome: { kind: 'retry', delay: 0, body: 'again' } },
        { claim: c, outcome: { kind: 'cancelled', reason: 'purged' } },
        { claim: d, outcome: { kind: 'setAside', reason: 'rejected', detail: 'no' } },
      ])
      assert.deepEqual(answers, Array(4).fill('settled'))
      const again = only(await look(harness, transport))
      assert.deepEqual([again.id, again.body], [b.id, 'again'])
    },
  },
  {
    name: 'settle: stores the result in the same step',
    needs: 'atomicResults',
    async run(harness) {
      const { transport, results } = await harness.open()
      await transport.send(messages(harness, 3))
      const got = await look(harness, transport)
      await transport.settle(
        got.map((claim, i) => ({ claim, outcome: succeeded, result: resultOf(claim, `r${i}`) })),
      )
      assert.deepEqual(await results.get(idsOf(got)), ['r0', 'r1', 'r2'])
    },
  },
  {
    name: 'settle: the first result of an id stays',
    needs: 'atomicResults',
    async run(harness) {
      const { transport, results } = await harness.open()
      const sent = await post(harness, transport)
      const delivery = await take(harness, transport)
      await results.save([resultOf(sent, 'first')])
      assert.equal(await end(transport, delivery, { result: resultOf(sent, 'second') }), 'settled')
      assert.deepEqual(await results.get([sent.id]), ['first'])
    },
  },
  {
    name: 'settle: follow-ups are sent in the same step, also to other queues',
    async run(harness) {
      const { transport } = await harness.open()
      await post(harness, transport)
      const other = `${harness.queue}-other`
      const followUps = [
        message(harness, { body: 'here' }),
        message(harness, { body: 'there', queue: other }),
      ]
      await end(transport, await take(harness, transport), { followUps })
      assert.deepEqual(bodiesOf(await look(harness, transport)), ['here'])
      assert.deepEqual(bodiesOf(await look(harness, transport, { queues: [other] })), ['there'])
    },
  },
  {
    name: 'settle: a follow-up that is known is not sent twice',
    async run(harness) {
      const { transport } = await harness.open()
      await transport.send(messages(harness, 2))
      const [a, b] = await look(harness, transport)
      assert.ok(a && b)
      const followUps = [message(harness, { body: 'once' })]
      const both = [a, b].map((claim) => ({ claim, outcome: succeeded, followUps }))
      assert.deepEqual(await transport.settle(both), ['settled', 'settled'])
      assert.deepEqual(bodiesOf(await look(harness, transport)), ['once'])
    },
  },
  {
    name: 'settle: follow-ups wake a waiting receive',
    async run(harness) {
      const [a, b] = [await harness.open(), await harness.open()]
      await post(harness, a.transport)
      const delivery = await take(harness, a.transport)
      const waiting = waitFor(harness, b.transport)
      const followUps = [message(harness)]
      await end(a.transport, delivery, { followUps })
      assert.deepEqual(idsOf(await waiting), idsOf(followUps))
    },
  },
  {
    name: 'settle: a node part is refused without workflows, and nothing of the batch is written',
    async run(harness) {
      if (harness.capabilities.workflows) return
      const { transport, results } = await harness.open()
      await transport.send(messages(harness, 2))
      const [a, b] = await look(harness, transport)
      assert.ok(a && b)
      const first = {
        claim: a,
        outcome: succeeded,
        result: resultOf(a),
        followUps: [message(harness)],
      }
      await refuses(
        transport.settle([first, { claim: b, outcome: succeeded, node }]),
        'UNSUPPORTED',
      )
      assert.deepEqual(await results.get([a.id]), [null])
      await nothing(harness, transport)
      assert.deepEqual(await transport.extend([a, b], longLease), { lost: [], cancelled: [] })
      assert.equal(await end(transport, a), 'settled')
    },
  },
]
