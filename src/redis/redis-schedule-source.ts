import { checkPlace } from '../connections/redis/redis-place.ts'
import type { ScheduleSource } from '../core/schedule-source.ts'
import type { RedisOptions } from './redis-options.ts'
import { RedisPlans } from './redis-plans.ts'
import { RedisStore } from './redis-store.ts'

/**
 * Keeps plans in Redis. For plans beside the broker's own messages use `storeSource(broker)`, which shares its
 * connection.
 * @throws InvalidInputError for options that are wrong.
 */
export function redisScheduleSource(options: RedisOptions): ScheduleSource {
  checkPlace(options)
  return new RedisPlans((around) => new RedisStore(options, around))
}
