export { codecBehaviours } from './codec-behaviours.ts'
export type { CodecBehaviour } from './codec/behaviour.ts'
export { ManualClock } from './manual-clock.ts'
export {
  resultBackendBehaviours,
  type OpenResults,
  type ResultBackendBehaviour,
  type ResultBackendHarness,
} from './result-backend-behaviours.ts'
export { transportBehaviours } from './transport-behaviours.ts'
export type { TransportBehaviour, TransportHarness } from './transport/harness.ts'
export { inspectorBehaviours } from './transport/inspector.ts'
