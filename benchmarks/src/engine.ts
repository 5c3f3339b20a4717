import type { Broker } from 'taskwright'
import type { Subject } from './subject.ts'

/** How a store is used in a run. */
export interface StoreUse {
  /** Whether results are kept. */
  readonly results: boolean
}

/** Commands that held a store up. */
export type SlowCommands = {
  /** The longest, in milliseconds; those under one count as one. */
  readonly slowestMs: number
  /** How many took more than five. */
  readonly over5Ms: number
}

/**
 * An engine to be measured: a column of the tables. One file in `engines/` and a line in
 * `engine-list.ts` add one.
 */
export interface BenchEngine {
  readonly name: string
  /** What it was measured with, printed above the tables. */
  readonly settings: string
  /** What its bare loop does. */
  readonly limit: string
  /** Whether producer and worker may be two processes. */
  readonly shared: boolean
  /** Whether its place is the URL of a server, which may be far away. */
  readonly isServer?: boolean
  /** The version of the store. */
  version(): Promise<string>
  /** Makes an empty store. Its place is a text, so that another process can open it. */
  make(folder: string): Promise<string>
  remove(place: string): Promise<void>
  /** Bytes that the stored messages take; absent where only the heap tells. */
  storedBytes?(place: string): Promise<number>
  /** Watches commands that hold the store up; what it returns tells of those until then. Absent where none does. */
  watchSlow?(place: string): Promise<() => Promise<SlowCommands>>
  /** The process of the store, whose CPU is its cost; absent where the store is in ours. */
  process?(): number | undefined
  broker(place: string, use: StoreUse): Broker
  /** The bare client loop on the same store, with the same messages: the limit to hold against. */
  raw(place: string, use: StoreUse): Promise<Subject>
}
