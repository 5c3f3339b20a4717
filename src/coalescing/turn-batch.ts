import { atEndOfTurn } from '../core/clock.ts'

/**
 * Collects the calls of one turn of the event loop into one batch: a hundred concurrent `kiq()`
 * become one write.
 *
 * At most `inFlight` batches run at once; what comes meanwhile is collected into the next one, so
 * a slow store makes batches larger instead of queues longer. A batch that fails, fails for each of
 * its calls, and no other.
 */
export interface TurnBatchOptions<In, Out> {
  /** Does the work; answers in order, one for each item. An {@link ItemFailure} rejects that item alone. */
  readonly run: (items: readonly In[]) => Promise<readonly (Out | ItemFailure)[]>
  /** The most items of one batch. */
  readonly most: number
  /** Batches under way at once. Default 1. */
  readonly inFlight?: number | undefined
  /**
   * When a batch is closed. `soon` (default): after two microtask hops, so that callers that awaited
   * something in this turn still join. `quiet`: when no more has come for a few hops, or it is full, so that what
   * ends one after the other without waiting for anything outside goes together. `turn`: when everything that this
   * turn of the loop has started has had its say; worth it where a batch goes to another thread.
   */
  readonly closes?: 'soon' | 'quiet' | 'turn' | undefined
  /** So many go off at once, beside so many others that are under way. Absent: a batch waits until it is closed. */
  readonly piece?: { readonly size: number; readonly inFlight: number } | undefined
}

/** The failure of one item in a batch that went well for others. */
export class ItemFailure {
  readonly error: unknown
  constructor(error: unknown) {
    this.error = error
  }
}

/** Microtask hops between the ends of two tasks that wait for nothing, and some more. */
const quietHops = 4

interface Waiting<In, Out> {
  readonly item: In
  readonly resolve: (answer: Out) => void
  readonly reject: (error: unknown) => void
}

/** See {@link TurnBatchOptions}. */
export class TurnBatch<In, Out> {
  readonly #options: TurnBatchOptions<In, Out>
  #waiting: Waiting<In, Out>[] = []
  /** Those before it are under way already. Cutting the array for each batch would cost its square. */
  #next = 0
  #running = 0
  #armed = false
  #idle: (() => void)[] = []
  // Made once: a function within `#arm` would be made for each item.
  readonly #close = (): void => {
    this.#armed = false
    // It may have been closed meanwhile, by its last one.
    if (this.#waiting.length > 0 && this.#running < (this.#options.inFlight ?? 1)) this.#flush()
  }
  readonly #closeSoon = (): void => queueMicrotask(this.#close)

  constructor(options: TurnBatchOptions<In, Out>) {
    this.#options = options
  }

  /** Adds an item to the batch of this turn; resolves with its answer. */
  add(item: In): Promise<Out> {
    return new Promise<Out>((resolve, reject) => this.push(item, resolve, reject))
  }

  /** The same with callbacks, for where each promise counts. One of them is called once; neither may throw. */
  push(item: In, resolve: (answer: Out) => void, reject: (error: unknown) => void): void {
    this.#waiting.push({ item, resolve, reject })
    const { piece } = this.#options
    if (
      piece !== undefined &&
      this.#waiting.length - this.#next >= piece.size &&
      this.#running < piece.inFlight
    )
      this.#flush()
    else this.#arm()
  }

  /** The same, and closes the batch: it goes off at once with all that has been added, if one may. */
  addLast(item: In): Promise<Out> {
    const answer = this.add(item)
    if (this.#running < (this.#options.inFlight ?? 1)) this.#flush()
    return answer
  }

  /** Resolves when nothing is waiting or under way. */
  idle(): Promise<void> {
    if (this.#isIdle()) return Promise.resolve()
    return new Promise((resolve) => this.#idle.push(resolve))
  }

  #isIdle(): boolean {
    return this.#waiting.length === 0 && this.#running === 0
  }

  #arm(): void {
    if (this.#armed || this.#waiting.length === 0) return
    if (this.#running >= (this.#options.inFlight ?? 1)) return
    this.#armed = true
    const { closes } = this.#options
    if (closes === 'turn') atEndOfTurn(this.#close)
    else if (closes === 'quiet') this.#whileItGrows(this.#waiting.length, quietHops)
    else queueMicrotask(this.#closeSoon)
  }

  #whileItGrows(seen: number, hops: number): void {
    queueMicrotask(() => {
      const { length } = this.#waiting
      if (hops > 1) this.#whileItGrows(seen, hops - 1)
      else if (length > seen && length - this.#next < this.#options.most)
        this.#whileItGrows(length, quietHops)
      else this.#close()
    })
  }

  #flush(): void {
    const batch = this.#waiting.slice(this.#next, this.#next + this.#options.most)
    this.#next += batch.length
    if (this.#next === this.#waiting.length) {
      this.#waiting = []
      this.#next = 0
    }
    this.#running++
    void this.#run(batch).then(() => {
      this.#running--
      this.#arm()
      if (this.#isIdle()) for (const resolve of this.#idle.splice(0)) resolve()
    })
    this.#arm()
  }

  async #run(batch: readonly Waiting<In, Out>[]): Promise<void> {
    let answers: readonly (Out | ItemFailure)[]
    try {
      answers = await this.#options.run(batch.map(({ item }) => item))
    } catch (error) {
      for (const { reject } of batch) reject(error)
      return
    }
    let i = 0
    for (const { resolve, reject } of batch) {
      const answer = answers[i++]
      if (answer instanceof ItemFailure) reject(answer.error)
      else resolve(answer as Out)
    }
  }
}
