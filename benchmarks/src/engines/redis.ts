import { createBroker, silentLogger } from 'taskwright'
import { redisTransport } from 'taskwright/redis'
import type { BenchEngine } from '../engine.ts'
import {
  grownBy,
  makeDatabase,
  removeDatabase,
  serverProcess,
  serverVersion,
  watchSlow,
} from '../redis-server.ts'

/** Redis on the same machine, without persistence. */
export const redis: BenchEngine = {
  name: 'redis',
  settings: 'own server on loopback without persistence, ioredis 6.0.0',
  limit: 'ioredis: XREADGROUP COUNT 100, then XACK and XDEL of 100, on the same bytes',
  shared: true,
  isServer: true,
  version: async () => `Redis ${await serverVersion()}`,
  make: makeDatabase,
  remove: removeDatabase,
  storedBytes: grownBy,
  watchSlow,
  process: serverProcess,
  broker: (url, { results }) =>
    createBroker({
      transport: redisTransport({ url }),
      // It warns that nothing is persistent, which is meant.
      logger: silentLogger,
      resultExpiresIn: results ? '24h' : false,
    }),
  raw: async (url, use) => (await import('../raw/redis-raw.ts')).redisRaw(url, use),
}
