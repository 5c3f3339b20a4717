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
export { ledgerBehaviours } from './schedule/ledger.ts'
export {
  scheduleSourceBehaviours,
  type ScheduleSourceBehaviour,
  type ScheduleSourceHarness,
} from './schedule/source.ts'
export { inspectorBehaviours } from './transport/inspector.ts'
export { workflowBehaviours } from './workflow-behaviours.ts'
export { testBroker, type TestBroker } from './test-broker.ts'
export type { TestBrokerOptions } from './test-broker-options.ts'
export type { TestClock } from './bench/test-clock.ts'
export type { DrainOptions } from './bench/test-pace.ts'
export { exploreSeeds, type ExploreOptions } from './explore-seeds.ts'
export type { Faults, FaultTarget, KillStep, StoreOperation } from './bench/faults.ts'
export type { JournalEntry, JournalKind, SentMessage, SettledTask } from './bench/journal.ts'
export { StalledError } from './bench/stalled.ts'
export {
  taskwrightMatchers,
  type Loose,
  type MatcherContext,
  type MatcherResult,
  type TaskwrightMatchers,
} from './matchers.ts'
