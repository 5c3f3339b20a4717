import type { Codec } from '../core/codec.ts'
import type { ControlChannel } from '../core/control-channel.ts'
import type { IdSource } from '../core/ids.ts'
import type { Inspector } from '../core/inspector.ts'
import type { FireLedger } from '../core/fire-ledger.ts'
import type { Locks } from '../core/locks.ts'
import type { Middleware } from '../core/middleware.ts'
import type { Rates } from '../core/rates.ts'
import type { ResultBackend } from '../core/result-backend.ts'
import type { RetryPolicy } from '../core/retry.ts'
import type { ScheduleSource } from '../core/schedule-source.ts'
import type { Transport, UserTransactions } from '../core/transport.ts'
import type { Surroundings } from '../core/vendor.ts'
import type { WorkflowStore } from '../core/workflow-store.ts'
import type { DependencyContainer } from '../dependencies/container.ts'
import type { BrokerOptions } from './broker-options.ts'
import { isBroker, runtimeKey } from './broker-identity.ts'
import type { ClaimBook } from './claim-book.ts'
import type { Lineage } from './lineage.ts'
import type { RegisteredTask, TaskRegistry } from './registry.ts'
import type { Sender } from './sender.ts'

/** Where tasks learn through which runtime they send. */
export interface RuntimeHome {
  /** The first runtime stays. */
  settle(runtime: BrokerRuntime): void
  /** Another runtime until the returned function is called. Redirects nest. */
  redirect(runtime: BrokerRuntime): () => void
}

/** The inside of a broker: for the engines (worker, scheduler, command line), not for users. */
export interface BrokerRuntime {
  /** The transport's name and place, for people. */
  readonly description: string
  /** As they were given. */
  readonly options: BrokerOptions
  /** Where the tasks of this broker learn through which runtime they send: its own, and those of included sets. */
  readonly homes: RuntimeHome[]
  readonly surroundings: Surroundings
  readonly transport: Transport
  readonly results: ResultBackend
  readonly inspector: Inspector | undefined
  readonly transactions: UserTransactions | undefined
  /** Where workflows are kept; `undefined` where the transport keeps none. */
  readonly workflows: WorkflowStore | undefined
  readonly locks: Locks | undefined
  readonly rates: Rates | undefined
  readonly control: ControlChannel | undefined
  readonly ledger: FireLedger | undefined
  readonly plans: ScheduleSource | undefined
  /** Opens a source and closes it with the broker. Idempotent. */
  openSource(source: ScheduleSource): Promise<void>
  readonly codec: Codec
  readonly resultCodec: Codec
  readonly registry: TaskRegistry
  readonly middlewares: readonly Middleware[]
  readonly container: DependencyContainer
  /** All that this process holds through the transport. */
  readonly claims: ClaimBook
  readonly lineage: Lineage
  readonly ids: IdSource
  readonly sender: Sender
  readonly defaultQueue: string
  /** A task by its name: of the registry, or one that every worker knows. */
  taskOf(name: string): RegisteredTask | undefined
  /** The retry policy of a task, its own or the broker's. */
  retryPolicyOf(task: RegisteredTask): RetryPolicy
  /** Milliseconds for which a task's results are kept; `undefined`: none is kept. */
  resultTtlOf(task: RegisteredTask | undefined): number | undefined
  /** Whether results are stored in the same atomic step as outcomes. */
  readonly resultsInSettle: boolean
  /** Opens everything; shared and idempotent. */
  start(): Promise<void>
  /** Whether {@link start} has been done, so that what every message goes through need not wait for it. */
  isStarted(): boolean
  stop(): Promise<void>
}

/** The runtime of a broker. @throws TypeError when the value is not a broker of ours. */
export function runtimeOf(broker: unknown): BrokerRuntime {
  if (isBroker(broker)) return broker[runtimeKey] as BrokerRuntime
  throw new TypeError('this is not a Taskwright broker: make one with createBroker(…).')
}
