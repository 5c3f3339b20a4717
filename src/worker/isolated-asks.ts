import type { TaskContext } from '../core/context.ts'
import { errorData, rebuildError } from '../core/error-data.ts'
import type { HeldLock } from '../core/held-lock.ts'
import { LockedError, LockLostError, RateLimitedError } from '../core/errors.ts'
import type { Ask, AskFailure, FromIsolated } from './isolate-messages.ts'
import type { IsolatedLine } from './isolated-line.ts'

type Asked = Extract<FromIsolated, { kind: 'ask' }>
type Made = Extract<FromIsolated, { kind: 'made' }>

interface Making {
  readonly resolve: (value: unknown) => void
  readonly reject: (error: Error) => void
}

/**
 * Does for an isolated run what needs the store: locks, rates, kept steps, progress. All of it by the context
 * of the run, so that it ends with the run as it does for any other.
 */
export class IsolatedAsks {
  readonly #context: TaskContext
  readonly #line: IsolatedLine
  readonly #locks = new Map<number, HeldLock>()
  readonly #making = new Map<number, Making>()

  constructor(context: TaskContext, line: IsolatedLine) {
    this.#context = context
    this.#line = line
  }

  /** Does it, and answers. */
  async ask({ call, ask }: Asked): Promise<void> {
    try {
      const value = await this.#do(call, ask)
      this.#line.send({ kind: 'answer', call, value })
    } catch (error) {
      this.#line.send({ kind: 'answer', call, error: failureOf(error) })
    }
  }

  /** A step was run there. */
  made({ call, value, error }: Made): void {
    const making = this.#making.get(call)
    this.#making.delete(call)
    if (error === undefined) making?.resolve(value)
    else making?.reject(rebuildError(error))
  }

  /** The run is over: what it was still to make it will not. */
  close(): void {
    for (const { reject } of this.#making.values()) reject(new Error('the isolated run is over'))
    this.#making.clear()
  }

  async #do(call: number, ask: Ask): Promise<unknown> {
    const context = this.#context
    switch (ask.what) {
      case 'progress':
        return context.progress(ask.state, ask.meta)
      case 'lock':
        return this.#lock(call, await context.lock(ask.key, ask.options))
      case 'extend':
        return this.#locks.get(ask.lock)?.extend(ask.ttl)
      case 'release':
        return this.#locks.get(ask.lock)?.release()
      case 'acquire':
        return context.limit(ask.name, ask.key).acquire(ask.cost, { wait: ask.wait })
      case 'hold-off':
        return context.limit(ask.name, ask.key).holdOff(ask.retryAfter)
      case 'once':
        return context.once(ask.key, () => this.#make(call))
    }
  }

  #lock(call: number, lock: HeldLock): number {
    this.#locks.set(call, lock)
    const lost = (): void => this.#line.send({ kind: 'lock-lost', lock: call })
    lock.signal.addEventListener('abort', lost, { once: true })
    return lock.token
  }

  #make(call: number): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#making.set(call, { resolve, reject })
      this.#line.send({ kind: 'make', call })
    })
  }
}

function failureOf(error: unknown): AskFailure {
  const data = errorData(error)
  if (error instanceof LockedError || error instanceof LockLostError)
    return { data, key: error.key }
  return error instanceof RateLimitedError ? { data, wait: error.wait } : { data }
}
