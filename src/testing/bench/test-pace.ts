import { milliseconds, type Duration } from '../../core/duration.ts'
import type { Activity } from './activity.ts'
import { eventLoopTurn } from './event-loop-turn.ts'
import type { Schedule } from './seeded-schedule.ts'
import { stalled } from './stalled.ts'
import type { VirtualClock } from './test-clock.ts'

/** How many messages are where. */
export interface Backlog {
  readonly queued: number
  readonly scheduled: number
  /** Under a lease, of whomever. */
  readonly running: number
  /** In the hands of a worker that lives. */
  readonly held: number
}

/** What {@link TestPace} needs. */
export interface TestPaceOptions {
  readonly activity: Activity
  readonly clock: VirtualClock
  readonly schedule: Schedule
  /** Real milliseconds for which a handler may keep still before time passes without it. */
  readonly patience: number
  /** Real milliseconds after which a wait in which nothing happens is given up. */
  readonly giveUpAfter: number
  readonly backlog: () => Promise<Backlog>
  /** Runs what is ready, where nobody does by himself. */
  readonly runReady: () => Promise<void>
  /** How often a message came into a worker's hands, and how many things have happened in all. */
  readonly progress: () => { readonly claims: number; readonly entries: number }
  /** Which task came most often, for the error of a drain without end. */
  readonly busiest: () => string
  readonly replay: string
}

/** How long `drain` goes on. */
export interface DrainOptions {
  /** The most messages to hand out; default 10,000. More mean that one comes again for ever. */
  limit?: number | undefined
}

/** One call of {@link TestPace.until}. */
interface Wait {
  done: boolean
  /** It can go on only when something happens elsewhere. */
  blocked: boolean
}

const mostClaims = 10_000
/** Steps of the clock in which nothing happens, after which nothing ever will. */
const mostEmptySteps = 10_000
/** Steps of the clock that a worker may need to get through a failing store. */
const mostNudges = 1_000

/**
 * Knows when everything has come to rest, and lets time pass no sooner.
 *
 * At rest means: no promise can go on by itself, no call of the store is under way, and no handler is at
 * work. A handler that keeps still for a moment of real time waits for the clock or for the test (or for
 * real I/O that is too slow to be told from that): time passes without it then.
 */
export class TestPace {
  readonly #options: TestPaceOptions
  /** Those in {@link until}, the innermost last. */
  #waits: Wait[] = []

  constructor(options: TestPaceOptions) {
    this.#options = options
  }

  /** Resolves when nothing goes on any more unless time passes. */
  async standstill(): Promise<void> {
    const { activity, patience } = this.#options
    for (;;) {
      await this.#settle()
      const awake = activity.working().filter((run) => !run.parked)
      if (awake.length === 0) return
      if (patience > 0 && (await activity.changedWithin(patience))) continue
      for (const run of awake) run.parked = true
    }
  }

  /** Resolves when nothing is queued, running or being sent. @throws StalledError */
  async idle(): Promise<void> {
    const { activity, clock, giveUpAfter } = this.#options
    for (let nudges = 0; ;) {
      await this.#settle()
      if (activity.working().length > 0) {
        if (!(await activity.changedWithin(giveUpAfter))) throw await this.stalled('idle()')
        continue
      }
      const { queued, held } = await this.#options.backlog()
      if (queued === 0 && held === 0 && activity.sending === 0) return
      if (queued > 0 && nudges === 0) await this.#options.runReady()
      // Nobody is at work and yet something is left: its worker waits to ask a failing store again.
      if (clock.moving) await activity.changed()
      else if (++nudges > mostNudges || !clock.step()) throw await this.stalled('idle()')
    }
  }

  /** Lets time pass until nothing is scheduled, queued or running. @throws StalledError; Error when more and more comes. */
  drain({ limit = mostClaims }: DrainOptions = {}): Promise<void> {
    const { activity, clock, progress, busiest, backlog, replay } = this.#options
    const most = progress().claims + limit
    return clock.exclusively(async () => {
      let empty = 0
      for (let before = -1; ;) {
        await this.standstill()
        const { queued, scheduled, running, held } = await backlog()
        const rest = queued + scheduled + running + held + activity.sending
        if (rest === 0 && activity.working().length === 0) return
        const { claims, entries } = progress()
        if (claims > most) {
          throw new Error(
            `drain() has handed out ${limit} messages and more are coming, most of them of ${busiest()}: ` +
              `does it send itself again for ever? Move the clock by hand, or give drain({ limit }).${replay}`,
          )
        }
        empty = entries === before ? empty + 1 : 0
        before = entries
        if (empty > mostEmptySteps || !clock.step()) throw await this.stalled('drain()')
      }
    })
  }

  /**
   * Waits for a promise that the worker fulfils, and moves the clock only where the worker itself waits
   * for it: to ask a failing store again.
   */
  async until<T>(promise: Promise<T>): Promise<T> {
    const { activity, clock } = this.#options
    const wait: Wait = { done: false, blocked: false }
    const end = promise.then(() => {
      wait.done = true
      wait.blocked = false
    })
    this.#waits.push(wait)
    for (let nudges = 0; ;) {
      await this.#rest()
      if (wait.done) break
      // A handler that waits for what it sent is not at work: it is for the inner wait to go on.
      const inner = this.#waits.at(-1) === wait
      const others = !inner || clock.moving || activity.working().length > 0
      if (others || ++nudges > mostNudges || !clock.step()) {
        wait.blocked = true
        await Promise.race([end, activity.changed()])
        wait.blocked = false
      }
    }
    this.#waits = this.#waits.filter((other) => other !== wait)
    activity.touch()
    return promise
  }

  /** The error of a wait that nothing ends, saying what there is. */
  async stalled(what: string): Promise<Error> {
    const { activity, clock, backlog, giveUpAfter, replay } = this.#options
    return stalled({
      what,
      running: [...activity.running],
      backlog: await backlog(),
      untilNext: clock.untilNext,
      now: clock.monotonic(),
      giveUpAfter,
      replay,
    })
  }

  /** Resolves when no promise goes on by itself, no call is under way, and no inline send either. */
  async #settle(): Promise<void> {
    do await this.#rest()
    while (this.#waits.some(({ blocked }) => !blocked))
  }

  async #rest(): Promise<void> {
    const { activity, clock, schedule } = this.#options
    do await eventLoopTurn()
    while (schedule.pending > 0 || activity.calls > 0 || clock.catchUp())
  }
}

/** Reads a duration of real time. */
export function realTime(value: Duration | undefined, otherwise: number): number {
  return value === undefined ? otherwise : milliseconds(value)
}
