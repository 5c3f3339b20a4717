import type { Delivery } from '../../core/delivery.ts'
import type { ReceiveRequest, Transport } from '../../core/transport.ts'

/** How many more messages each look takes in than the one before. */
const growth = 8
const most = 1_000_000

/** Claims all that waits, without waiting for more. */
export function claimAll(
  transport: Transport,
  request: ReceiveRequest,
): Promise<readonly Delivery[]> {
  return transport.receive({ ...request, room: most, wait: 0 })
}

/**
 * Claims the first message that matches, in the order of the store, without waiting for one. Claims
 * are the only way to look into a transport without passing messages over, so those before it are
 * claimed too and given back to their places at once, which uses up no budget.
 */
export async function claimOne(
  transport: Transport,
  request: ReceiveRequest,
  matches: (delivery: Delivery) => boolean,
): Promise<Delivery | undefined> {
  const passed: Delivery[] = []
  let found: Delivery | undefined
  for (let room = 1; found === undefined; room = Math.min(room * growth, most)) {
    const batch = await transport.receive({ ...request, room, wait: 0 })
    if (batch.length === 0) break
    found = batch.find(matches)
    passed.push(...batch.filter((delivery) => delivery !== found))
  }
  if (passed.length > 0) await transport.release(passed)
  return found
}
