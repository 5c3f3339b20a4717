import { checkPlace } from '../connections/redis/redis-place.ts'
import { InvalidInputError } from '../core/errors.ts'
import type { ScheduleSource } from '../core/schedule-source.ts'
import type { RedisOptions } from './redis-options.ts'
import { RedisPlans } from './redis-plans.ts'
import { RedisStore } from './redis-store.ts'
import { TaskiqPlans } from './taskiq-plans.ts'

/** Options of {@link redisScheduleSource}. */
export interface RedisScheduleSourceOptions extends RedisOptions {
  /**
   * `'taskwright'` (default): keys of ours, with everything that a plan can say, and changes seen at once.
   * `'taskiq'`: the keys of TaskIQ's `ListRedisScheduleSource`, which programs in Python read and write as well.
   * A Python scheduler on them fires too: run one or the other.
   */
  readonly layout?: 'taskwright' | 'taskiq' | undefined
  /** What keys of TaskIQ's layout begin with. Default `schedule`, as there. */
  readonly schedulePrefix?: string | undefined
  /** How schedules are written in TaskIQ's layout: as its `serializer`. Default `pickle`, as there. All are read. */
  readonly serializer?: 'json' | 'pickle' | 'msgpack' | 'cbor' | undefined
}

/**
 * Keeps plans in Redis. For plans beside the broker's own messages use `storeSource(broker)`, which shares its
 * connection.
 * @throws InvalidInputError for options that are wrong.
 */
export function redisScheduleSource(options: RedisScheduleSourceOptions): ScheduleSource {
  checkPlace(options)
  const { layout = 'taskwright', schedulePrefix: prefix = 'schedule' } = options
  const { serializer = 'pickle' } = options
  const open = (around: ConstructorParameters<typeof RedisStore>[1]): RedisStore =>
    new RedisStore(options, around)
  if (layout === 'taskwright') return new RedisPlans(open)
  if (layout !== 'taskiq') throw new InvalidInputError("`layout` is 'taskwright' or 'taskiq'.")
  if (!['json', 'pickle', 'msgpack', 'cbor'].includes(serializer)) {
    throw new InvalidInputError("`serializer` is 'pickle', 'json', 'msgpack' or 'cbor'.")
  }
  return new TaskiqPlans(open, { prefix, serializer })
}
