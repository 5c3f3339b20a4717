/**
 * Taskwright: the distributed task queue for TypeScript.
 *
 * @module
 */
export { createBroker } from './broker/create-broker.ts'
export type { BrokerOptions } from './broker/broker-options.ts'
export type { Broker } from './broker/broker.ts'
export type { ClaimCheckOptions } from './broker/claim-check.ts'
export type { ActiveTask, Control, ControlOptions, Paused, WorkerStats } from './broker/control.ts'
export type {
  DeadEdit,
  DeadFilter,
  DeadLetters,
  DeadMessage,
  DeadRetryOptions,
} from './broker/dead-letters.ts'
export type { DeadRetention } from './broker/dead-retention.ts'
export type { TaskDefiner } from './broker/task-definer.ts'
export { sharedTasks, type SharedTasks } from './broker/shared-tasks.ts'
export { gather } from './broker/gather.ts'
export type { ScheduleHandle, WorkflowSchedule } from './broker/schedule-handle.ts'
export type { DefinedTask, Kicker, Schedulable, Sendable, Task } from './broker/task.ts'
export type { MessageFilter } from './broker/cancel-where.ts'
export type { ExpiryOptions, TaskExpiryOptions } from './broker/expiry.ts'
export type { CancelOptions, TaskHandle, WaitOptions } from './broker/task-handle.ts'
export type { In, Out, ParamNames, Schema, TaskOptions, UserLabels } from './broker/task-options.ts'
export type {
  ConcurrencyOptions,
  FairOptions,
  OrderedOptions,
  TaskRateOptions,
  WhenLimited,
} from './broker/gate-options.ts'
export type {
  Conflict,
  DebounceOptions,
  KeyOf,
  ThrottleOptions,
  UniqueOptions,
} from './broker/unique-options.ts'
export type { SendConflict } from './broker/unique-policy.ts'
export type { Fault } from './broker/handler-shape.ts'
export type { WhenFull } from './broker/sender.ts'
export { chain, type ChainMaker } from './workflows/chain.ts'
export { group } from './workflows/group.ts'
export { chord } from './workflows/chord.ts'
export { map } from './workflows/map.ts'
export { Pipeline, type ItemOptions } from './workflows/pipeline.ts'
export { chunks, starmap } from './workflows/starmap.ts'
export type {
  Canvas,
  RunLine,
  RunOptions,
  Signature,
  SignatureSettings,
  WorkflowFailure,
} from './broker/canvas/canvas.ts'
export type { WorkflowPage } from './broker/canvas/list-workflows.ts'
export type { CanvasPlan, ListPlan, MapPlan, StepSettings, TaskPlan } from './broker/canvas/plan.ts'
export type {
  AnyStep,
  CheckChain,
  GroupIn,
  InOf,
  KiqInput,
  LastOf,
  OutOf,
  OutsOf,
  Pending,
  StepFault,
} from './broker/canvas/step.ts'
export type {
  WorkflowGraph,
  WorkflowHandle,
  WorkflowNodeInfo,
  WorkflowNodeStatus,
  WorkflowSummary,
} from './broker/canvas/workflow-handle.ts'
export { createWorker } from './worker/create-worker.ts'
export type { Worker, WorkerCounts } from './worker/worker.ts'
export type { TaskFact, WorkerEvents } from './worker/worker-events.ts'
export type { UnknownTaskPolicy, WorkerOptions } from './worker/worker-options.ts'
export { createScheduler } from './scheduler/create-scheduler.ts'
export {
  configSource,
  type ScheduleEntries,
  type ScheduleEntry,
} from './scheduler/config-source.ts'
export { labelSource } from './scheduler/label-source.ts'
export { storeSource } from './scheduler/store-source.ts'
export type {
  LeaderReport,
  LeaderStatus,
  PlannedTask,
  Scheduler,
  SchedulerStartOptions,
  SchedulerStatus,
} from './scheduler/scheduler.ts'
export type { BadPlan } from './scheduler/plan-book.ts'
export type { SchedulerCounts } from './scheduler/scheduler-counts.ts'
export type { SchedulerOptions } from './scheduler/scheduler-options.ts'
export { taskiqJson, type TaskiqJsonOptions } from './codecs/taskiq-json.ts'
export { dependency } from './dependencies/dependency.ts'
export { TaskContext } from './dependencies/task-context.ts'
export { DependencyOverrides } from './dependencies/overrides.ts'
export { systemClock, type Clock, type Timer } from './core/clock.ts'
export { seededRandom, systemRandom, type Random } from './core/random.ts'
export type { Codec, CodecCapabilities } from './core/codec.ts'
export type { Json, Plain } from './core/data.ts'
export type {
  ControlAnswer,
  ControlChannel,
  ControlListener,
  ControlMessage,
} from './core/control-channel.ts'
export type { Claim, Delivery, LeaseToken } from './core/delivery.ts'
export type {
  Dependencies,
  Dependency,
  DependencyOptions,
  Injected,
  Provided,
} from './core/dependency.ts'
export { duration, milliseconds, type Duration } from './core/duration.ts'
export { errorData, rebuildError, type ErrorData } from './core/error-data.ts'
export * from './core/errors.ts'
export type {
  DeadLetter,
  DeadTrim,
  Inspector,
  PageRequest,
  QueueCounts,
  StoredMessage,
} from './core/inspector.ts'
export type { HeldLock, LockOptions } from './core/held-lock.ts'
export type { TaskLockOptions } from './core/context.ts'
export type { Labels, LabelValue, Priority, ReservedLabels } from './core/labels.ts'
export type { Locks, Permit, PermitAsk } from './core/locks.ts'
export { logTo, silentLogger, type LogFields, type Logger, type LogLevel } from './core/logger.ts'
export type { Body, Envelope, Message } from './core/message.ts'
export type { Execution, Middleware, Sending } from './core/middleware.ts'
export type { ResultBackend } from './core/result-backend.ts'
export type { Progress, ResultRecord, StoredResult, TaskResult } from './core/result.ts'
export { exponential, fixed, type Backoff, type RetryOptions } from './core/retry.ts'
export type { PlanTiming, SchedulePlan } from './core/schedule-plan.ts'
export type { PlanReading, ScheduleSource, SourceSurroundings } from './core/schedule-source.ts'
export type {
  Adoption,
  Fire,
  FireAnswer,
  FireLedger,
  FireState,
  Leadership,
} from './core/fire-ledger.ts'
export type {
  CronDialect,
  LineOf,
  MisfireOptions,
  MisfirePolicy,
  OverlapPolicy,
  ScheduleLine,
  ScheduleSettings,
  ScheduleTiming,
} from './core/schedule-line.ts'
export type { NodePart, Outcome, Settlement, SettleStatus } from './core/settlement.ts'
export { transitions, type DeadReason, type FinalStatus, type TaskStatus } from './core/states.ts'
export type {
  CancelAnswer,
  ExtendReport,
  LeaseKeeper,
  LeaseKeeperOptions,
  QueueSettings,
  ReceiveRequest,
  SendStatus,
  Transport,
  TransportCapabilities,
  UserTransactions,
} from './core/transport.ts'
export type {
  OpenTransport,
  ResultBackendFactory,
  Surroundings,
  TransportFactory,
} from './core/vendor.ts'
export type { Gate } from './core/gate.ts'
export type { RateLimit, RateOptions } from './core/rate-limit.ts'
export type { RateAnswer, RateAsk, RateRule, Rates } from './core/rates.ts'
export type { Unique } from './core/unique.ts'
export { isRunId, nodeId, readNodeId, type NodePlace } from './core/node-id.ts'
export type { NoInput, Step } from './core/step.ts'
export type {
  ControlStatus,
  GateKind,
  NodeMessage,
  NodePolicy,
  NodeState,
  NodeValue,
  NodeView,
  RunCommand,
  RunHead,
  RunPage,
  RunState,
  RunView,
  StartAnswer,
  WorkflowNode,
  WorkflowStore,
} from './core/workflow-store.ts'

export type { EventLog, LoggedEvent } from './core/event-log.ts'
