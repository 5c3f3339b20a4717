import type { Peer } from './peer.ts'

/** The bare loop on Redis with an XACK and an XDEL for every entry: the limit of a queue that ends tasks one by one. */
export const redisEach: Peer = {
  name: 'bare acks',
  engine: 'redis',
  settings: 'ioredis, 100 entries in a read, an XACK and an XDEL for each, pipelined',
  missing: 'sends and round trips, which the other bare loop has',
  keepsResults: true,
  scenarios: ['process', 'backlog'],
  // Loaded when it is measured: whoever else is has no second ioredis in its memory.
  open: async (place, { results }) =>
    (await import('../raw/redis-raw.ts')).redisRaw(place, { results, each: true }),
}
