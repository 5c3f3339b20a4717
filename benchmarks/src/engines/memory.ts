import { createBroker } from 'taskwright'
import { memoryTransport } from 'taskwright/memory'
import type { BenchEngine } from '../engine.ts'

let made = 0

/** The memory transport: producer and worker are one process. */
export const memory: BenchEngine = {
  name: 'memory',
  settings: 'one process, nothing is written',
  limit: 'the transport without broker and worker, batch 100',
  shared: false,
  version: async () => `Node ${process.versions.node}`,
  make: async () => `bench-${++made}`,
  remove: async () => {},
  broker: (store, { results }) =>
    createBroker({
      transport: memoryTransport({ store }),
      resultExpiresIn: results ? '24h' : false,
    }),
  raw: async (place, use) => (await import('../raw/memory-raw.ts')).memoryRaw(place, use),
}
