import { systemClock, type Clock } from '../../core/clock.ts'
import type { Claim } from '../../core/delivery.ts'

/** One run of a handler, from its start to its end. */
export interface RunningTask {
  readonly id: string
  readonly task: string
  readonly attempt: number
  readonly worker: string
  /** Which claim it runs under. */
  readonly claim: Claim
  /** Virtual milliseconds at which it began. */
  readonly since: number
  /** It has kept still for so long that time passes without it. */
  parked: boolean
  /** How many sends of it wait for what they sent to run to its end. */
  suspended: number
}

/**
 * What goes on in a test broker now, and a way to wait for the next thing that happens. It counts
 * only what can go on by itself: not what waits for the clock.
 */
export class Activity {
  /** Handlers, with their dependencies and middlewares. Those of a killed worker are gone from it. */
  readonly running: Set<RunningTask> = new Set()
  /** Calls of the store under way, but for those that wait for something to come. */
  calls = 0
  /** Messages between `kiq()` and the store. */
  sending = 0
  /** Claims whose answer was lost, by message, with the worker that will find them again. */
  readonly unanswered: Map<string, string> = new Map()
  #stamp = 0
  #waiting: (() => void)[] = []

  /** Grows with everything that happens. */
  get stamp(): number {
    return this.#stamp
  }

  /** Something happened. */
  touch(): void {
    this.#stamp++
    const waiting = this.#waiting
    this.#waiting = []
    for (const resolve of waiting) resolve()
  }

  /** Resolves when the next thing happens. */
  changed(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  /** True when something happens within so many milliseconds of real time. */
  async changedWithin(ms: number): Promise<boolean> {
    let timer: { cancel(): void } | undefined
    const late = new Promise<boolean>((resolve) => {
      timer = systemClock.after(ms, () => resolve(false))
    })
    const answer = await Promise.race([this.changed().then(() => true), late])
    timer?.cancel()
    return answer
  }

  /** Handlers that are at work: not waiting for what they sent. */
  working(): readonly RunningTask[] {
    return [...this.running].filter((run) => run.suspended === 0)
  }

  /** Counts a handler while it runs. */
  async run<T>(
    about: Omit<RunningTask, 'since' | 'parked' | 'suspended'>,
    { clock, work }: { clock: Clock; work: (run: RunningTask) => Promise<T> },
  ): Promise<T> {
    const run = { ...about, since: clock.monotonic(), parked: false, suspended: 0 }
    this.running.add(run)
    try {
      return await work(run)
    } finally {
      this.running.delete(run)
      this.touch()
    }
  }

  /** Counts a call of the store while it is under way. */
  async call<T>(work: () => Promise<T>): Promise<T> {
    this.calls++
    try {
      return await work()
    } finally {
      this.calls--
      this.touch()
    }
  }
}
