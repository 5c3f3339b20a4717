import type { Clock, Timer } from '../core/clock.ts'
import type { Delivery } from '../core/delivery.ts'
import type { LeaseLostError, TaskCancelledError, TaskTimeoutError } from '../core/errors.ts'
import type { Message } from '../core/message.ts'
import type { Arguments } from '../broker/claim-check.ts'
import type { RunLocks } from './run-locks.ts'
import type { RunSteps } from './run-steps.ts'

/** Why a run was told to end before it did so by itself. */
export type Interruption =
  | { readonly kind: 'timeout'; readonly error: TaskTimeoutError }
  | { readonly kind: 'cancelled'; readonly error: TaskCancelledError }
  | { readonly kind: 'lost'; readonly error: LeaseLostError }
  | { readonly kind: 'shutdown'; readonly error: Error }

/** How the work of a run ended, or that it did not. */
export type WorkEnd =
  | { readonly kind: 'returned'; readonly value: unknown }
  | { readonly kind: 'threw'; readonly error: unknown }
  | { readonly kind: 'stuck' }

/**
 * One run of one delivery: its abort signal (made when somebody asks for it) and what interrupted it.
 * The first interruption stands, but for two that override: a lost lease (nothing may be written any
 * more) and a cancel (its result is refused) win over a timeout or a shutdown.
 */
export class Run {
  readonly delivery: Delivery
  readonly #clock: Clock
  #controller: AbortController | undefined
  #interruption: Interruption | undefined
  /** Who waits for the end of the work, and for how long after an interruption. */
  #done: ((end: WorkEnd) => void) | undefined
  #grace = 0
  #graceEnd: Timer | undefined
  /** Set by `ctx.commit`. */
  committed = false
  /** The message was acknowledged before its handler began (`ack: 'early'`): the store has it no more. */
  acknowledged = false
  /** What its bytes say, once they are read. */
  message: Message | undefined
  /** Set once its slot was freed although its handler has not ended. */
  stuck = false
  /** Its arguments, where they are kept apart from it and were fetched. */
  apart: Arguments | undefined
  taskName = ''
  /** Of a step of a workflow: the node that it waited for. */
  source: number | undefined
  /** What is given back with its end, and what is forgotten when it has succeeded; most runs have neither. */
  locks: RunLocks | undefined
  steps: RunSteps | undefined
  /** Of the monotonic clock: when its handler began. */
  startedAt = -1
  attempt = 1

  /** Among the runs of its worker. */
  place = -1
  /** Whether it takes a slot: what is only to be settled takes none. */
  readonly inSlot: boolean

  constructor(delivery: Delivery, clock: Clock, inSlot = true) {
    this.delivery = delivery
    this.inSlot = inSlot
    this.#clock = clock
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#interruption !== undefined) this.#controller.abort(this.#interruption.error)
    }
    return this.#controller.signal
  }

  get interruption(): Interruption | undefined {
    return this.#interruption
  }

  /** Aborts the run. */
  interrupt(interruption: Interruption): void {
    // A commit takes the claim away: that it is gone is no news, and the handler may end in peace.
    if (interruption.kind === 'lost' && this.committed) return
    const first = this.#interruption
    const overrides =
      interruption.kind === 'lost' || (interruption.kind === 'cancelled' && first?.kind !== 'lost')
    if (first !== undefined && !overrides) return
    this.#interruption = interruption
    this.#controller?.abort(interruption.error)
    if (first === undefined && this.#done !== undefined) this.#waitForGrace()
  }

  /**
   * Calls `done` once: with the end of the work, or with `'stuck'` when it was interrupted and did not
   * end within `grace` milliseconds. Callbacks and no promises of our own: this is on the way of every
   * task, and most are never interrupted, so no timer is set until one is.
   */
  watch(work: unknown, grace: number, done: (end: WorkEnd) => void): void {
    if (!isThenable(work)) return done({ kind: 'returned', value: work })
    this.#done = done
    this.#grace = grace
    if (this.#interruption !== undefined) this.#waitForGrace()
    // Any thenable may come from a handler: only a promise of the language calls back once, and later.
    const promise = work instanceof Promise ? work : Promise.resolve(work)
    promise.then(
      (value) => this.#end({ kind: 'returned', value }),
      (error: unknown) => this.#end({ kind: 'threw', error }),
    )
  }

  #waitForGrace(): void {
    this.#graceEnd = this.#clock.after(this.#grace, () => {
      this.stuck = this.#done !== undefined
      this.#end({ kind: 'stuck' })
    })
  }

  #end(how: WorkEnd): void {
    const done = this.#done
    this.#done = undefined
    this.#graceEnd?.cancel()
    done?.(how)
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    (typeof value === 'object' || typeof value === 'function') &&
    value !== null &&
    'then' in value &&
    typeof value.then === 'function'
  )
}
