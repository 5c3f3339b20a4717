export { ManualClock } from './manual-clock.ts'
export { transportBehaviours } from './transport-behaviours.ts'
export type { TransportBehaviour, TransportHarness } from './transport/harness.ts'
