import assert from 'node:assert/strict'
import type { TransportBehaviour } from './harness.ts'
import { end, post, slack, take } from './verbs.ts'

/** The time after which a message must not start: the worker's to enforce, the transport's to keep. */
export const expiryBehaviours: readonly TransportBehaviour[] = [
  {
    name: 'expiry: is handed to the worker, and an expired message is not dropped',
    async run(harness) {
      const { transport } = await harness.open()
      const expires = harness.now() + harness.lease
      const sent = await post(harness, transport, { expires })
      await harness.advance(harness.lease + slack)
      const delivery = await take(harness, transport)
      assert.deepEqual([delivery.id, delivery.expires], [sent.id, expires])
      const outcome = { kind: 'setAside', reason: 'expired', detail: 'too late' } as const
      assert.equal(await end(transport, delivery, { outcome }), 'settled')
    },
  },
  {
    name: 'expiry: stays when a message comes again',
    async run(harness) {
      const { transport } = await harness.open()
      const expires = harness.now() + 3_600_000
      await post(harness, transport, { expires })
      await transport.release([await take(harness, transport, { lease: harness.lease })])
      assert.equal((await take(harness, transport, { lease: harness.lease })).expires, expires)
      await harness.advance(harness.lease + slack)
      assert.equal((await take(harness, transport)).expires, expires)
    },
  },
]
