import type { TransportBehaviour } from './transport/harness.ts'
import { controlBehaviours } from './workflow/control.ts'
import { expansionBehaviours } from './workflow/expansion.ts'
import { failureBehaviours } from './workflow/failure.ts'
import { nextBehaviours } from './workflow/next.ts'
import { orderBehaviours } from './workflow/order.ts'

/**
 * What every {@link WorkflowStore} promises together with the transport on its store, as data for any
 * test runner. All of them need the capability `workflows`; see {@link transportBehaviours} for how
 * they are run.
 */
export const workflowBehaviours: readonly TransportBehaviour[] = [
  ...orderBehaviours,
  ...failureBehaviours,
  ...controlBehaviours,
  ...expansionBehaviours,
  ...nextBehaviours,
]
