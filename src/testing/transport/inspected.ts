import assert from 'node:assert/strict'
import type { Inspector, QueueCounts } from '../../core/inspector.ts'
import type { DeadReason } from '../../core/states.ts'
import type { Transport } from '../../core/transport.ts'
import type { OpenTransport } from '../../core/vendor.ts'
import type { TransportHarness } from './harness.ts'
import { end, only, post, take } from './verbs.ts'

/** An instance with its inspector. */
export type Inspected = OpenTransport & { readonly inspector: Inspector }

/** An instance whose engine has an inspector. */
export async function open(harness: TransportHarness): Promise<Inspected> {
  const { inspector, ...rest } = await harness.open()
  assert.ok(inspector, 'this engine has no inspector')
  return { ...rest, inspector }
}

/** Sends a message and sets it aside. */
export async function bury(
  harness: TransportHarness,
  transport: Transport,
  { reason = 'failed', queue = harness.queue }: { reason?: DeadReason; queue?: string } = {},
): Promise<string> {
  const { id } = await post(harness, transport, { queue, body: `of ${reason}` })
  const delivery = await take(harness, transport, { queues: [queue] })
  const outcome = { kind: 'setAside', reason, detail: `because ${reason}` } as const
  assert.equal(await end(transport, delivery, { outcome }), 'settled')
  return id
}

/** The counts of one queue. */
export async function countsOf(inspector: Inspector, queue: string): Promise<QueueCounts> {
  return only((await inspector.queues()).filter((counts) => counts.queue === queue))
}
