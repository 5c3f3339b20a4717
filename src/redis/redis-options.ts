import type { Duration } from '../core/duration.ts'
import type { RedisPlace } from '../connections/redis/redis-client.ts'
import type { TaskiqBroker } from './keys.ts'
import type { ReplicaWait } from './replicas.ts'

/** Options of `redisTransport` and `redisResultBackend`. */
export interface RedisOptions extends RedisPlace {
  /** What the names of all keys begin with. Default: nothing, as TaskIQ has it. */
  readonly prefix?: string | undefined
  /**
   * The one hash tag of all keys, so that on a cluster every step stays one step. Required there; TaskIQ
   * finds its queue when its `queue_name` is `{tag}:queue`.
   */
  readonly tag?: string | undefined
  /**
   * Which of TaskIQ's brokers Python has on the same queues: `stream` (default, `RedisStreamBroker`), `list`
   * (`ListQueueBroker`) or `pubsub` (`PubSubBroker`). The last two promise less: see `popped` among the
   * capabilities, and docs/guide/python-taskiq.md.
   */
  readonly taskiq?: TaskiqBroker | undefined
  /** The consumer group, which Python must share. Default `taskiq`. */
  readonly group?: string | undefined
  /** What the keys of results begin with (TaskIQ's `prefix_str`). Default: nothing. */
  readonly resultPrefix?: string | undefined
  /**
   * After how long a message in the hands of a Python worker is taken to be lost. Python renews no leases,
   * so this is longer than its longest task. Default 10 minutes, as TaskIQ has it.
   */
  readonly foreignIdle?: Duration | undefined
  /**
   * Leaves entries that Python has acknowledged in their streams, where they stay for ever. Default false:
   * processes that receive delete them, once every group of the stream has had them.
   */
  readonly keepAcknowledged?: boolean | undefined
  /**
   * How soon a result is looked for that nobody tells of: Python stores its results without telling. Then
   * less and less often, down to a fifth as often. Default 1 s; callers of Python tasks want less.
   */
  readonly resultPoll?: Duration | undefined
  /**
   * How many replicas must have a message before `kiq()` resolves, and an outcome before it counts as
   * settled (`WAIT`): what was acknowledged survives a failover to a replica that has it. Costs a round
   * trip to the replicas with each batch; while too few answer, sends fail after some tries and workers wait.
   * What it does not promise: docs/guide/redis.md. Not on a cluster. Default: none is waited for.
   */
  readonly wait?: number | ReplicaWait | undefined
  /**
   * Uses a server that may throw messages away when its memory is full (`maxmemory-policy allkeys-…`).
   * Default false: the transport does not start there.
   */
  readonly allowEviction?: boolean | undefined
}
