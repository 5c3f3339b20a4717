export { redisTransport } from './redis-transport.ts'
export { redisResultBackend } from './redis-result-backend.ts'
export type { RedisOptions } from './redis-options.ts'
export type { TaskiqBroker } from './keys.ts'
export type { ReplicaWait } from './replicas.ts'
export type {
  RedisClient,
  RedisClientOptions,
  RedisPlace,
} from '../connections/redis/redis-client.ts'
export { redisScheduleSource, type RedisScheduleSourceOptions } from './redis-schedule-source.ts'
