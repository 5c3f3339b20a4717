import { createHash } from 'node:crypto'
import { InvalidInputError } from '../core/errors.ts'
import type { RegisteredTask } from '../broker/registry.ts'
import type { BrokerRuntime } from '../broker/runtime.ts'

/** How long the value of a step is kept where the task keeps no results. */
const defaultTtl = 86_400_000

/** Which message the steps belong to. */
export interface StepsOf {
  readonly runtime: BrokerRuntime
  readonly task: RegisteredTask
  readonly id: string
}

/**
 * The finished steps of one message. The value of each is stored as a result of its own, of which the
 * first stays: whoever comes second, in whatever process, goes on with the first one's value.
 */
export class RunSteps {
  readonly #of: StepsOf
  readonly #steps = new Map<string, Promise<unknown>>()

  constructor(of: StepsOf) {
    this.#of = of
  }

  /** The value of a step: kept by an earlier attempt, or made now. In one run each is made once. */
  once<T>(key: string, make: () => T | Promise<T>): Promise<T> {
    if (typeof key !== 'string' || key === '')
      return Promise.reject(new InvalidInputError('a step has a key: a text.'))
    const id = this.#idOf(key)
    const known = this.#steps.get(id)
    if (known !== undefined) return known as Promise<T>
    const made = this.#make(id, make)
    this.#steps.set(id, made)
    // A step that failed may be tried again in this very run.
    made.catch(() => this.#steps.delete(id))
    return made
  }

  /** Deletes what was kept: the task has succeeded, and nobody will ask again. */
  async forget(): Promise<void> {
    const { runtime, id } = this.#of
    try {
      await runtime.results.delete([...this.#steps.keys()])
    } catch (error) {
      // They end by time.
      runtime.surroundings.logger.warn('the steps of a task could not be deleted', { id, error })
    }
  }

  async #make<T>(id: string, make: () => T | Promise<T>): Promise<T> {
    const { runtime, task } = this.#of
    const { resultCodec, results } = runtime
    const [kept = null] = await results.get([id])
    if (kept !== null) return resultCodec.decodeResult(kept).value as T
    const value = await make()
    const body = resultCodec.encodeResult({
      status: 'succeeded',
      value,
      executionTime: 0,
      labels: {},
      error: null,
    })
    const expiresIn = runtime.resultTtlOf(task) ?? defaultTtl
    const [stored = body] = await results.save([{ id, body, expiresIn }])
    // What came through the store is what the next attempt gets: the same shape from the first on.
    return resultCodec.decodeResult(stored).value as T
  }

  #idOf(key: string): string {
    const digest = createHash('sha256').update(key).digest('hex').slice(0, 32)
    return `${this.#of.id}:once:${digest}`
  }
}
