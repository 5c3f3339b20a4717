import type { ClaimedLines } from './claimed-lines.ts'
import type { Connection } from './connection.ts'
import type { News } from './operations.ts'
import type { QueueNumbers } from './queue-numbers.ts'
import type { Tokens } from './tokens.ts'

/** What the operations of one transaction work with. */
export interface Turn {
  readonly sql: Connection
  /** Milliseconds since 1970, by the clock of the caller. */
  readonly now: number
  readonly tokens: Tokens
  readonly lines: ClaimedLines
  readonly queues: QueueNumbers
  /** What this transaction changes; only told when it commits. */
  readonly news: News
  /** Whether due messages are moved and ended leases taken back here. */
  readonly maintenance: boolean
}

/** Milliseconds as SQLite keeps them: whole and exact, also for "never". */
export function wholeMs(ms: number): number {
  return Math.max(0, Math.min(Number.MAX_SAFE_INTEGER, Math.round(ms)))
}
