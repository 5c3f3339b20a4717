import type { TransportCapabilities } from '../core/transport.ts'

/** What the SQLite transport can do. In a file of its own: it is known before the engine is loaded. */
export const sqliteCapabilities: TransportCapabilities = {
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
  durable: true,
  shared: true,
  transactions: true,
  caps: true,
  foreignReaders: false,
}
