import type { ForeignFirePolicy } from './foreign-fires.ts'
import type { Duration } from '../core/duration.ts'

/** What happens to a message whose task no one has registered here. */
export type UnknownTaskPolicy = 'set-aside' | 'give-back' | { readonly forward: string }

/** Options of `createWorker`. */
export interface WorkerOptions {
  /** Handlers running at once. Default 100. */
  concurrency?: number | undefined
  /**
   * The most messages claimed beyond the free slots: as many of them as will start within about 20 ms, by
   * the mean time of a run. 0 claims only what can start at once. Default: as many as `concurrency`, at most
   * 100. What has not started is given back on stop, and when no slot comes free within a second.
   */
  prefetch?: number | undefined
  /**
   * Default: the queues of the broker's registered tasks. Where several have messages each has an equal share;
   * with weights (`{ critical: 6, default: 3, low: 1 }`, whole numbers from 1 to 1000) a share by its weight,
   * and none starves.
   */
  queues?: readonly string[] | Readonly<Record<string, number>> | undefined
  /** A queue is fetched from only when those before it in `queues` have nothing. Default false. */
  strict?: boolean | undefined
  /**
   * `late` (default): settled when the result is stored. `early`: before the handler runs; a crash then
   * loses it, a failure leaves no dead letter, and there is nothing to cancel or to fence progress by.
   */
  ack?: 'early' | 'late' | undefined
  /** How long an unrenewed message stays ours. Default `'30s'`, renewed every third of it. */
  lease?: Duration | undefined
  /** Lost leases that a message may have before it is set aside as poison. Default 3. */
  redeliveries?: number | undefined
  /** Default `'set-aside'`. */
  unknownTask?: UnknownTaskPolicy | undefined
  /**
   * What to do with messages of plans that were not sent by a scheduler of ours, but by one that fires the same
   * plans, such as TaskIQ's on one source: `run` (default), or `drop`, where a scheduler of ours fires them all.
   */
  foreignFires?: ForeignFirePolicy | undefined
  /** How long the event loop may be blocked before leases are no longer renewed. Default: the lease. */
  stallLimit?: Duration | undefined
  /** How long an aborted handler may take to end before its slot is freed. Default `'5s'`; a task's `grace` wins. */
  grace?: Duration | undefined
  /** How long `stop()` waits for running handlers before it aborts them. Default `'30s'`. */
  shutdownTimeout?: Duration | undefined
  /** Stop once about this many tasks have been started and have ended (a supervisor then makes a new process). */
  maxTasks?: number | undefined
  /**
   * Whether this worker looks for what dead workers and callers left of workflows, about every 10 s.
   * Default true; one worker of a fleet is enough.
   */
  sweepWorkflows?: boolean | undefined
  /** Shown in logs and events. Default `host:pid:random`. */
  name?: string | undefined
}
