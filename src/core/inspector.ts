import type { Body } from './message.ts'
import type { DeadReason, TaskStatus } from './states.ts'

/** How many messages a queue holds, by state. */
export interface QueueCounts {
  readonly queue: string
  /** May run now. */
  readonly queued: number
  /** Wait for their time, retries included. */
  readonly scheduled: number
  readonly running: number
  readonly dead: number
  readonly cap: number | null
}

/** A stored message, as seen from outside. */
export interface StoredMessage {
  readonly id: string
  readonly queue: string
  readonly priority: number
  readonly state: 'scheduled' | 'queued' | 'running'
  readonly body: Body
  readonly redeliveries: number
  /** Milliseconds since 1970: when it was stored, is due, or its lease ends, by its state. */
  readonly at: number
}

/** A message that will not run again by itself. */
export interface DeadLetter {
  readonly id: string
  readonly queue: string
  readonly priority: number
  readonly body: Body
  readonly reason: DeadReason
  readonly detail: string
  readonly redeliveries: number
  /** Milliseconds since 1970 at which it was set aside. */
  readonly at: number
}

/**
 * Which messages to list. Pages go by `after`, the id of the last one seen. When that one has left meanwhile, a
 * page goes on where it was, or from the start where this inspector does not know that any more: what stands still
 * is not missed. What moves between two pages may be seen twice or not at all.
 */
export interface PageRequest {
  readonly limit: number
  readonly after?: string | undefined
}

/** Which dead letters of a queue may go. */
export interface DeadTrim {
  readonly queue: string
  /** Milliseconds since 1970. */
  readonly before?: number | undefined
  readonly keep?: number | undefined
  readonly limit: number
}

/** Looks into a store. Nothing here changes what runs, but for the dead letters. */
export interface Inspector {
  /** Every queue that the store has seen, by name. */
  queues(): Promise<readonly QueueCounts[]>
  /**
   * Messages of a queue, oldest first, without claiming them. An engine may list those apart, at the end, that
   * wait for their time or at a gate.
   */
  peek(queue: string, page: PageRequest): Promise<readonly StoredMessage[]>
  /** Messages of a queue whose time has not come, the soonest first, and of one time in the order in which they came. */
  scheduled(queue: string, page: PageRequest): Promise<readonly StoredMessage[]>
  /**
   * The state of each id as far as messages tell, in order; `null` when no message of that id is
   * stored (then its result, if kept, tells). Dead letters answer `failed` or `dead`.
   */
  states(ids: readonly string[]): Promise<readonly (TaskStatus | null)[]>
  /** The ids of the messages that took these unique keys last, in order; `null` where none did. {@link states} tells whether they still wait or run. */
  keyHolders(keys: readonly string[]): Promise<readonly (string | null)[]>
  /** Dead letters, newest first. */
  deadLetters(page: PageRequest & { queue?: string | undefined }): Promise<readonly DeadLetter[]>
  /** One dead letter. */
  deadLetter(id: string): Promise<DeadLetter | null>
  /**
   * Puts dead letters back into their queue, ready, with a fresh budget, and deletes their results,
   * each in one atomic step. An expiry is lifted: it would only end them again. `bodies` replaces the stored bytes of an id (to take its failed runs
   * off the count). Returns the ids that were there.
   */
  retryDead(ids: readonly string[], bodies?: ReadonlyMap<string, Body>): Promise<readonly string[]>
  /** Deletes dead letters for good; returns how many there were. */
  deleteDead(ids: readonly string[]): Promise<number>
  /**
   * Deletes the oldest dead letters of a queue for good: those set aside before `before`, and those that
   * are not among the newest `keep`; at most `limit` in one step. Returns how many.
   */
  trimDead(trim: DeadTrim): Promise<number>
}
