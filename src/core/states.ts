/**
 * The states of a message, one closed union:
 *
 * `scheduled → queued → running → (retrying → queued) → succeeded | failed | cancelled | dead`
 *
 * - `scheduled`: stored, its time has not come. `retrying`: the same after a failed run.
 * - `failed`: the handler failed for good; its message is also kept as a dead letter, for replay.
 * - `dead`: never got a fair run: poison, malformed, unknown task, expired, rejected.
 */
export type TaskStatus =
  | 'scheduled'
  | 'queued'
  | 'running'
  | 'retrying'
  | 'succeeded'
  | 'failed'
  | 'cancelled'
  | 'dead'

/** The states from which nothing follows by itself. */
export type FinalStatus = 'succeeded' | 'failed' | 'cancelled' | 'dead'

/** Which states may follow which. A message may also be purged (→ cancelled) wherever it waits. */
export const transitions: Readonly<Record<TaskStatus, readonly TaskStatus[]>> = {
  scheduled: ['queued', 'cancelled', 'dead'],
  queued: ['running', 'cancelled', 'dead'],
  running: ['queued', 'retrying', 'succeeded', 'failed', 'cancelled', 'dead'],
  retrying: ['queued', 'cancelled', 'dead'],
  succeeded: [],
  failed: ['queued'],
  cancelled: [],
  dead: ['queued'],
}

/** Why a message was set aside. */
export type DeadReason = 'failed' | 'poison' | 'malformed' | 'unknown' | 'expired' | 'rejected'
