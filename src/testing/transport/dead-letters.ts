import assert from 'node:assert/strict'
import type { Outcome } from '../../core/settlement.ts'
import type { DeadReason } from '../../core/states.ts'
import type { TransportBehaviour } from './harness.ts'
import { end, messages, look, nothing, post, resultOf, slack, take } from './verbs.ts'

function aside(reason: DeadReason, detail = 'why'): { outcome: Outcome } {
  return { outcome: { kind: 'setAside', reason, detail } }
}

const reasons: readonly DeadReason[] = [
  'failed',
  'poison',
  'malformed',
  'unknown',
  'expired',
  'rejected',
]

/** The outcome `setAside`. What dead letters look like is told by `inspectorBehaviours`. */
export const deadLetterBehaviours: readonly TransportBehaviour[] = [
  {
    name: 'dead letters: a message that was set aside never comes again',
    async run(harness) {
      const { transport } = await harness.open()
      await post(harness, transport)
      const delivery = await take(harness, transport, { lease: harness.lease })
      assert.equal(await end(transport, delivery, aside('failed')), 'settled')
      await harness.advance(harness.lease + slack)
      await nothing(harness, transport)
      await nothing(harness, transport, { early: true })
    },
  },
  {
    name: 'dead letters: setting aside again is gone',
    async run(harness) {
      const { transport } = await harness.open()
      await post(harness, transport)
      const delivery = await take(harness, transport)
      await end(transport, delivery, aside('failed'))
      assert.equal(await end(transport, delivery, aside('failed')), 'gone')
      assert.equal(await end(transport, delivery), 'gone')
    },
  },
  {
    name: 'dead letters: bytes, reason and detail are kept for every reason',
    async run(harness) {
      const { transport, inspector } = await harness.open()
      if (inspector === undefined) return
      await transport.send(messages(harness, reasons.length, { priority: 8 }))
      const got = await look(harness, transport)
      for (const [i, claim] of got.entries()) {
        await end(transport, claim, aside(reasons[i] ?? 'failed', `détail ${i} 😀\n`))
      }
      for (const [i, { id, body }] of got.entries()) {
        const letter = await inspector.deadLetter(id)
        assert.ok(letter)
        assert.deepEqual(
          [letter.id, letter.queue, letter.priority, letter.body, letter.reason, letter.detail],
          [id, harness.queue, 8, body, reasons[i], `détail ${i} 😀\n`],
        )
      }
    },
  },
  {
    name: 'dead letters: the result is stored in the same step',
    needs: 'atomicResults',
    async run(harness) {
      const { transport, results } = await harness.open()
      const sent = await post(harness, transport)
      const result = resultOf(sent, 'it failed')
      await end(transport, await take(harness, transport), { ...aside('failed'), result })
      assert.deepEqual(await results.get([sent.id]), ['it failed'])
    },
  },
]
