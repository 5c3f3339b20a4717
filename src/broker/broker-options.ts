import type { Clock } from '../core/clock.ts'
import type { Codec } from '../core/codec.ts'
import type { Duration } from '../core/duration.ts'
import type { Logger } from '../core/logger.ts'
import type { Middleware } from '../core/middleware.ts'
import type { Random } from '../core/random.ts'
import type { RateOptions } from '../core/rate-limit.ts'
import type { RetryOptions } from '../core/retry.ts'
import type { ResultBackendFactory, TransportFactory } from '../core/vendor.ts'
import type { ClaimCheckOptions } from './claim-check.ts'
import type { DeadRetention } from './dead-retention.ts'
import type { WhenFull } from './sender.ts'

/** Options of `createBroker`. Defaults are chosen here, and nowhere else. */
export interface BrokerOptions {
  /** A URL (`memory:`, `sqlite:./tasks.db`) or a vendor's transport. */
  transport: string | TransportFactory
  /** Where results are kept. Default: the transport's own store. */
  resultBackend?: ResultBackendFactory | undefined
  /** How long results are kept. Default `'24h'`; `false` keeps none. */
  resultExpiresIn?: Duration | false | undefined
  /** For tasks that name no policy. Default: no retries. */
  retry?: RetryOptions | undefined
  /** The first is the outermost. */
  middlewares?: readonly Middleware[] | undefined
  /** For tasks that name no queue. Default `'default'`. */
  queue?: string | undefined
  /** Caps by queue name, stored for all producers, and what a full queue does to senders of this broker. Default: no cap, `'refuse'`. */
  queues?:
    | Readonly<Record<string, { cap?: number | null | undefined; whenFull?: WhenFull | undefined }>>
    | undefined
  /** Rates by name, for `ctx.limit(name)` and `broker.limit(name)`: how much may go in which time, over all processes. */
  limits?: Readonly<Record<string, RateOptions>> | undefined
  /** How long, and how many, dead letters of each queue are kept. Workers delete the others every minute. Default: all, for ever. */
  deadLetters?: Omit<DeadRetention, 'queue'> | undefined
  /**
   * Keeps large arguments beside the results, so that messages stay short: from which size, and how long. Only
   * workers of ours can read them: not for remote tasks, nor for a task that Python workers share (`claimCheck:
   * false` of it). Default: all arguments travel. `false`: whatever tasks say.
   */
  claimCheck?: ClaimCheckOptions | false | undefined
  /** Bytes ↔ messages. Default: TaskIQ's JSON; rich values are kept where only Taskwright reads the queue. */
  codec?: Codec | undefined
  /** Bytes ↔ results. Default: as `codec`. */
  resultCodec?: Codec | undefined
  /** Whether messages sent by a handler carry their parent and root. Default true; costs some µs a task on Node 20. */
  lineage?: boolean | undefined
  /** Default: warnings and errors to stderr. */
  logger?: Logger | undefined
  clock?: Clock | undefined
  random?: Random | undefined
}
