/**
 * The context of a task inside its thread or process. What needs the store it asks of the worker, by the
 * one line that there is.
 *
 * @module
 */
import type { TaskContext } from '../core/context.ts'
import { milliseconds, type Duration } from '../core/duration.ts'
import { errorData, rebuildError } from '../core/error-data.ts'
import {
  LockedError,
  LockLostError,
  RateLimitedError,
  RetryRequestedError,
  TaskRejectedError,
  TaskSkippedError,
  UnsupportedError,
} from '../core/errors.ts'
import type { HeldLock } from '../core/held-lock.ts'
import type { Logger } from '../core/logger.ts'
import type { RateLimit } from '../core/rate-limit.ts'
import { outsideWorkflow } from '../broker/canvas/outside-workflow.ts'
import type { RegisteredTask } from '../broker/registry.ts'
import type { Ask, AskFailure, FromIsolated, IsolatedCall, ToIsolated } from './isolate-messages.ts'

type Told = Exclude<ToIsolated, { kind: 'call' }>

interface Waiting {
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
  /** Runs the step that was asked about. */
  readonly make: (() => unknown) | undefined
}

/** What was asked of the worker, and who waits for the answer. */
export class Asking {
  readonly #say: (message: FromIsolated) => void
  readonly #waiting = new Map<number, Waiting>()
  /** What steps threw: the very error goes on here, whatever has travelled. */
  readonly #thrown = new Map<number, unknown>()
  readonly #locks = new Map<number, () => void>()
  #calls = 0

  constructor(say: (message: FromIsolated) => void) {
    this.#say = say
  }

  /** Asks; with `make` for a step that may have to be run here. */
  async ask(ask: Ask, make?: () => unknown): Promise<unknown> {
    return (await this.#call(ask, make)).value
  }

  /** Asks for a lock; `onLost` is called once when it is lost. */
  async lock(
    ask: Ask & { what: 'lock' },
    onLost: () => void,
  ): Promise<{ call: number; token: number }> {
    const { call, value } = await this.#call(ask, undefined)
    this.#locks.set(call, onLost)
    return { call, token: Number(value) }
  }

  /** Takes what the worker says. */
  heard(message: Told): void {
    if (message.kind === 'make') return void this.#make(message.call)
    if (message.kind === 'lock-lost') return this.#locks.get(message.lock)?.()
    const { call, value, error } = message
    const waiting = this.#waiting.get(call)
    this.#waiting.delete(call)
    if (error === undefined) waiting?.resolve(value)
    else waiting?.reject(this.#thrown.has(call) ? this.#thrown.get(call) : rebuilt(error))
    this.#thrown.delete(call)
  }

  async #call(ask: Ask, make: (() => unknown) | undefined) {
    const call = ++this.#calls
    const value = await new Promise<unknown>((resolve, reject) => {
      this.#waiting.set(call, { resolve, reject, make })
      this.#say({ kind: 'ask', call, ask })
    })
    return { call, value }
  }

  async #make(call: number): Promise<void> {
    try {
      const value = await this.#waiting.get(call)?.make?.()
      this.#say({ kind: 'made', call, value })
    } catch (error) {
      this.#thrown.set(call, error)
      this.#say({ kind: 'made', call, error: errorData(error) })
    }
  }
}

/** Errors of ours come back as what they were, since handlers tell them apart. */
function rebuilt({ data, key = '', wait = Infinity }: AskFailure): Error {
  const options = data.cause === undefined ? {} : { cause: rebuildError(data.cause) }
  switch (data.code) {
    case 'LOCKED':
      return new LockedError(key, options)
    case 'LOCK_LOST':
      return new LockLostError(key, options)
    case 'TASK_SKIPPED':
      return new TaskSkippedError(data.message, options)
    case 'RATE_LIMITED': {
      const error = new RateLimitedError('', wait)
      error.message = data.message
      return error
    }
    default:
      return rebuildError(data)
  }
}

/** What such a context is made of. */
export interface IsolatedContextOf {
  readonly call: IsolatedCall
  readonly task: RegisteredTask
  readonly input: unknown
  readonly asking: Asking
  readonly logger: Logger
}

/** The context of a task that runs isolated. */
export function isolatedContext(of: IsolatedContextOf): TaskContext {
  const { call, task, input, asking, logger } = of
  const { message, queue, attempt, redeliveries } = call
  const { labels } = message
  const { tw_parent: parentId, tw_root: rootId, tw_run: runId } = labels
  return {
    taskId: message.id,
    taskName: task.name,
    queue,
    attempt,
    redeliveries,
    labels,
    args: task.input === undefined ? message.args : [],
    input,
    parentId: typeof parentId === 'string' ? parentId : undefined,
    rootId: typeof rootId === 'string' ? rootId : undefined,
    // Never aborts: what interrupts an isolated run kills it.
    signal: new AbortController().signal,
    logger,
    async progress(state, meta = null) {
      await asking.ask({ what: 'progress', state, meta })
    },
    retry(options) {
      const delay = options?.delay === undefined ? undefined : milliseconds(options.delay)
      throw new RetryRequestedError(
        delay,
        options?.cause === undefined ? {} : { cause: options.cause },
      )
    },
    reject(reason) {
      throw new TaskRejectedError(reason)
    },
    runId: typeof runId === 'string' ? runId : undefined,
    ...outsideWorkflow(
      'an isolated task has no store at hand; return the data, and do this in the step behind it, which is not isolated',
    ),
    lock: async (key, options) => IsolatedLock.take(asking, { what: 'lock', key, options }),
    limit: (name, key) => isolatedLimit(asking, name, key),
    once: async <T>(key: string, step: () => T | Promise<T>): Promise<T> =>
      (await asking.ask({ what: 'once', key }, step)) as T,
    commit: () => {
      throw new UnsupportedError(
        'ctx.commit does not reach out of an isolated task: the transaction would be in another process.',
      )
    },
  }
}

function isolatedLimit(asking: Asking, name: string, key: string | undefined): RateLimit {
  return {
    name,
    async acquire(cost, options) {
      const waited = await asking.ask({ what: 'acquire', name, key, cost, wait: options?.wait })
      return Number(waited)
    },
    async holdOff(retryAfter) {
      await asking.ask({ what: 'hold-off', name, key, retryAfter })
    },
  }
}

/** A lock that the worker holds for a task that runs isolated, and extends. */
class IsolatedLock implements HeldLock {
  readonly key: string
  readonly #asking: Asking
  readonly #controller = new AbortController()
  #hold = { call: 0, token: 0 }

  /** Takes it. */
  static async take(asking: Asking, ask: Ask & { what: 'lock' }): Promise<IsolatedLock> {
    const lock = new IsolatedLock(asking, ask.key)
    const lost = (): void => lock.#controller.abort(new LockLostError(ask.key))
    lock.#hold = await asking.lock(ask, lost)
    return lock
  }

  private constructor(asking: Asking, key: string) {
    this.#asking = asking
    this.key = key
  }

  get token(): number {
    return this.#hold.token
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  async extend(ttl?: Duration): Promise<void> {
    await this.#asking.ask({ what: 'extend', lock: this.#hold.call, ttl })
  }

  async release(): Promise<boolean> {
    return Boolean(await this.#asking.ask({ what: 'release', lock: this.#hold.call }))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release()
  }
}
