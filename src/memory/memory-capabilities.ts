import type { TransportCapabilities } from '../core/transport.ts'

/** What the memory transport can do. In a file of its own: it is known before the engine is loaded. */
export const memoryCapabilities: TransportCapabilities = {
  delayed: true,
  priorities: true,
  atomicResults: true,
  workflows: true,
  locks: true,
  rates: true,
  control: true,
  schedules: true,
  unique: true,
  gates: true,
  durable: false,
  shared: false,
  transactions: false,
  caps: true,
  foreignReaders: false,
  receivesInSettle: true,
}
