import { cancelBehaviours } from './transport/cancel.ts'
import { capBehaviours } from './transport/caps.ts'
import { concurrencyBehaviours } from './transport/concurrency.ts'
import { consumeBehaviours } from './transport/consume.ts'
import { controlBehaviours } from './transport/control.ts'
import { deadLetterBehaviours } from './transport/dead-letters.ts'
import { delayBehaviours } from './transport/delay.ts'
import { enqueueBehaviours } from './transport/enqueue.ts'
import { expiryBehaviours } from './transport/expiry.ts'
import { fullGateBehaviours } from './transport/full-gates.ts'
import { gateBehaviours } from './transport/gates.ts'
import type { TransportBehaviour } from './transport/harness.ts'
import { keepLeaseBehaviours } from './transport/keep-leases.ts'
import { leaseBehaviours } from './transport/lease.ts'
import { lifeCycleBehaviours } from './transport/life-cycle.ts'
import { lockBehaviours } from './transport/locks.ts'
import { payloadBehaviours } from './transport/payloads.ts'
import { priorityBehaviours } from './transport/priority.ts'
import { queueBehaviours } from './transport/queues.ts'
import { rateBehaviours } from './transport/rates.ts'
import { recoverBehaviours } from './transport/recover.ts'
import { releaseBehaviours } from './transport/release.ts'
import { retryBehaviours } from './transport/retry.ts'
import { settleBehaviours } from './transport/settle.ts'
import { suspectBehaviours } from './transport/suspects.ts'
import { uniqueBehaviours } from './transport/unique.ts'

/**
 * What every {@link Transport} promises, as data for any test runner.
 *
 * @example
 * for (const { name, needs, run } of transportBehaviours) {
 *   it.skipIf(needs && !capabilities[needs])(name, async () => {
 *     const harness = makeHarness()
 *     try {
 *       await run(harness)
 *     } finally {
 *       await harness.close()
 *     }
 *   })
 * }
 */
export const transportBehaviours: readonly TransportBehaviour[] = [
  ...enqueueBehaviours,
  ...consumeBehaviours,
  ...settleBehaviours,
  ...retryBehaviours,
  ...deadLetterBehaviours,
  ...leaseBehaviours,
  ...suspectBehaviours,
  ...recoverBehaviours,
  ...releaseBehaviours,
  ...delayBehaviours,
  ...priorityBehaviours,
  ...queueBehaviours,
  ...expiryBehaviours,
  ...cancelBehaviours,
  ...capBehaviours,
  ...payloadBehaviours,
  ...lifeCycleBehaviours,
  ...concurrencyBehaviours,
  ...keepLeaseBehaviours,
  ...lockBehaviours,
  ...uniqueBehaviours,
  ...gateBehaviours,
  ...fullGateBehaviours,
  ...rateBehaviours,
  ...controlBehaviours,
]
