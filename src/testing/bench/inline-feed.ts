import type { Delivery } from '../../core/delivery.ts'
import type { ReceiveRequest, Transport } from '../../core/transport.ts'
import type { RunningTask } from './activity.ts'
import { claimAll, claimOne } from './claim-one.ts'
import type { FaultPlan } from './faults.ts'
import type { Schedule } from './seeded-schedule.ts'
import type { TestStore } from './test-store.ts'

/** A message in the hands of the worker, and the end of what the worker does with it. */
interface Fed {
  readonly id: string
  readonly end: Promise<void>
}

/** What the feed wants claimed next. */
interface Want {
  readonly matches: (delivery: Delivery) => boolean
  readonly answer: (fed: Fed | undefined) => void
}

/** What an {@link InlineFeed} needs. */
export interface InlineFeedOptions {
  readonly faults: FaultPlan
  readonly schedule: Schedule
  readonly store: Pick<TestStore, 'widened' | 'isReady' | 'counts'>
  /** Waits for a promise, and moves the clock where the worker needs it to get there. */
  readonly until: <T>(promise: Promise<T>) => Promise<T>
}

/**
 * Feeds a worker one message at a time, so that sending is running: `kiq()` waits for its message to be
 * run to its end, as if the handler had been called.
 *
 * Everything runs in one line: what the test sends, in the order in which it sends it, and what comes
 * due by the clock. A handler that sends opens a line of its own in the middle of its run, so that what
 * it sends is run while it waits, and only that. After each message, whatever else is ready and belongs
 * to nobody (a follow-up, a message that was given back) is run too.
 */
export class InlineFeed {
  readonly #options: InlineFeedOptions
  readonly #wants: Want[] = []
  readonly #lines = new Map<RunningTask | undefined, Promise<void>>()
  /** Messages whose senders will see to them, by how many do. */
  readonly #awaited = new Map<string, number>()
  readonly #ends = new Map<string, () => void>()
  /** A {@link runReady} whose turn has not come: it will see to what comes due meanwhile too. */
  #readyInLine: Promise<void> | undefined
  #wakeWorker: (() => void) | undefined
  #closed = false

  constructor(options: InlineFeedOptions) {
    this.#options = options
  }

  /** The worker asks for messages: waits until one is wanted of it. */
  async claim(inner: Transport, request: ReceiveRequest): Promise<readonly Delivery[]> {
    for (;;) {
      const want = await this.#nextWant(request.signal)
      if (want === undefined) return []
      const wide = this.#options.store.widened(request)
      const delivery = await this.#search(inner, wide, want.matches)
      if (delivery === undefined) {
        want.answer(undefined)
        continue
      }
      const end = new Promise<void>((resolve) => this.#ends.set(delivery.id, resolve))
      want.answer({ id: delivery.id, end })
      return [delivery]
    }
  }

  /** Runs a message that was just sent, by the handler `from` or by the test, to its end. */
  async run(id: string, from: RunningTask | undefined): Promise<void> {
    this.#awaited.set(id, (this.#awaited.get(id) ?? 0) + 1)
    if (from !== undefined) from.suspended++
    try {
      await this.#inLine(from, async () => {
        const mine = (delivery: Delivery): boolean => delivery.id === id
        while ((await this.#runNext(mine)) && (await this.#options.store.isReady(id)));
        if (await this.#othersMayBeReady()) await this.#runOthers()
      })
    } finally {
      if (from !== undefined) from.suspended--
      const others = (this.#awaited.get(id) ?? 1) - 1
      if (others > 0) this.#awaited.set(id, others)
      else this.#awaited.delete(id)
    }
  }

  /** Runs what is ready and belongs to nobody: something came due, or a send failed half-way. */
  async runReady(from?: RunningTask): Promise<void> {
    if (from !== undefined) {
      from.suspended++
      await this.#inLine(from, () => this.#runOthers()).finally(() => from.suspended--)
      return
    }
    this.#readyInLine ??= this.#inLine(undefined, () => {
      this.#readyInLine = undefined
      return this.#runOthers()
    })
    await this.#readyInLine
  }

  /** The worker has nothing more to do with a message. */
  ended(id: string): void {
    this.#ends.get(id)?.()
    this.#ends.delete(id)
  }

  /** The worker is gone with all that it had. */
  workerGone(): void {
    this.#wakeWorker = undefined
    for (const id of [...this.#ends.keys()]) this.ended(id)
  }

  /** Nothing is run any more; whoever waits goes on. */
  close(): void {
    this.#closed = true
    for (const want of this.#wants.splice(0)) want.answer(undefined)
    this.workerGone()
  }

  /** One after the other. A handler that has ended sends no more: its line is forgotten with it. */
  #inLine(line: RunningTask | undefined, work: () => Promise<void>): Promise<void> {
    const before = this.#lines.get(line) ?? Promise.resolve()
    const mine = before.then(work)
    const settled = mine.catch(() => {})
    this.#lines.set(line, settled)
    void settled.then(() => {
      if (this.#lines.get(line) === settled) this.#lines.delete(line)
    })
    return mine
  }

  async #runOthers(): Promise<void> {
    while (await this.#runNext((delivery) => !this.#awaited.has(delivery.id)));
  }

  /** Spares looking through a thousand messages that wait for their senders' turn, after each of them. */
  async #othersMayBeReady(): Promise<boolean> {
    const { queued } = await this.#options.store.counts()
    const inHand = [...this.#ends.keys()].filter((id) => this.#awaited.has(id)).length
    return queued > this.#awaited.size - inHand - 1
  }

  /** Runs the first message that matches to its end; false when there is none. */
  async #runNext(matches: (delivery: Delivery) => boolean): Promise<boolean> {
    if (this.#closed) return false
    const fed = await this.#options.until(this.#want(matches))
    if (fed === undefined) return false
    await this.#options.until(fed.end)
    return true
  }

  #want(matches: (delivery: Delivery) => boolean): Promise<Fed | undefined> {
    return new Promise((resolve) => {
      this.#wants.push({ matches, answer: resolve })
      this.#wakeWorker?.()
    })
  }

  async #nextWant(signal: AbortSignal): Promise<Want | undefined> {
    while (!signal.aborted) {
      const want = this.#wants.shift()
      if (want !== undefined) return want
      await this.#woken(signal)
    }
    return undefined
  }

  async #woken(signal: AbortSignal): Promise<void> {
    let wake: () => void = () => {}
    await new Promise<void>((resolve) => {
      wake = resolve
      this.#wakeWorker = resolve
      signal.addEventListener('abort', wake, { once: true })
    })
    signal.removeEventListener('abort', wake)
  }

  async #search(
    inner: Transport,
    request: ReceiveRequest,
    matches: (delivery: Delivery) => boolean,
  ): Promise<Delivery | undefined> {
    const { faults, schedule } = this.#options
    if (!faults.reordering) return claimOne(inner, request, matches)
    const all = await claimAll(inner, request)
    const candidates = all.filter(matches)
    const chosen = candidates[schedule.draw(candidates.length)]
    const others = all.filter((delivery) => delivery !== chosen)
    if (others.length > 0) await inner.release(others)
    return chosen
  }
}
