import type { Message } from './message.ts'
import type { SendStatus } from './transport.ts'
import type { Surroundings } from './vendor.ts'

/** A message on its way into the store. */
export interface Sending {
  readonly message: Message
  readonly queue: string
}

/** A message in a worker's hands, about to run. */
export interface Execution {
  readonly message: Message
  readonly queue: string
  /** 1 for the first run. */
  readonly attempt: number
  readonly redeliveries: number
  readonly signal: AbortSignal
}

/**
 * Code around send and execute, as an onion: the first of the list is the outermost, so it sees a
 * send first and its answer last. Each hook must call `next` exactly once, unless it throws.
 *
 * - `send`: what it passes to `next` is what is stored (the id must stay). An error before `next`
 *   makes `kiq()` reject: nothing was stored. An error after it is logged and `kiq()` resolves: the
 *   message is in the store, and saying otherwise would have it sent twice.
 * - `execute`: wraps dependencies and handler. What it returns is the result; what it throws is the
 *   failure of this run (before or after `next`), with the task's retry policy. No error here can
 *   lose the message.
 * - `start` runs before the first message, in order; `stop` after the last one, in reverse.
 */
export interface Middleware {
  readonly name?: string | undefined
  start?(surroundings: Surroundings): void | Promise<void>
  stop?(): void | Promise<void>
  send?(sending: Sending, next: (sending: Sending) => Promise<SendStatus>): Promise<SendStatus>
  execute?(execution: Execution, next: () => Promise<unknown>): Promise<unknown>
}
