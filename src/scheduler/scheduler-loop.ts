/**
 * A running scheduler: one loop keeps the lead, another reads the sources and fires.
 *
 * The first asks for the lease at a third of its length; a leader whose work does not get on gives it away. The
 * second sleeps until something is due, at most until the sources are to be asked again, so that a clock
 * that is set or a machine that slept is noticed within that time.
 */
import { hostname } from 'node:os'
import { sleep } from '../core/clock.ts'
import type { FireLedger } from '../core/fire-ledger.ts'
import type { BrokerRuntime } from '../broker/runtime.ts'
import { Firing } from './firing.ts'
import { LeaderLease } from './leadership.ts'
import type { PlanBook } from './plan-book.ts'
import type { LeaderReport } from './scheduler.ts'
import type { SchedulerCounts } from './scheduler-counts.ts'

/** What {@link SchedulerLoop} needs. Spans in milliseconds. */
export interface SchedulerLoopOptions {
  readonly runtime: BrokerRuntime
  readonly ledger: FireLedger
  readonly book: PlanBook
  readonly counts: SchedulerCounts
  readonly group: string
  readonly lease: number
  readonly updateInterval: number
  readonly skipFirstRun: boolean
}

/** A leader that gets nothing done for so long gives the lead away. */
const stallAfter = 30_000
/** How long a loop waits after a failure. */
const pauseAfterFailure = 500
/** How often plans are looked at that wait for their last message. */
const releaseEvery = 250

/** See the top of the file. */
export class SchedulerLoop {
  readonly #options: SchedulerLoopOptions
  readonly #firing: Firing
  readonly #lease: LeaderLease
  readonly #stopping = new AbortController()
  readonly #since: number
  #offset = 0
  /** When the work was last seen to get on, or is to go on after its sleep. */
  #beat: number
  #done: Promise<unknown> = Promise.resolve()

  constructor(options: SchedulerLoopOptions) {
    this.#options = options
    const { runtime, ledger, book, counts, group, lease } = options
    const { clock, random } = runtime.surroundings
    this.#since = clock.now()
    this.#beat = clock.monotonic()
    const holder = `${hostname()}:${process.pid}:${random.hex(6)}`
    this.#lease = new LeaderLease({ ledger, clock, group, holder, lease })
    this.#firing = new Firing({
      runtime,
      ledger,
      book,
      counts,
      now: () => clock.now() + this.#offset,
      skipBefore: options.skipFirstRun ? this.#since : undefined,
      goOn: () => {
        this.#beat = clock.monotonic()
        return this.#lease.held && !this.#stopping.signal.aborted
      },
    })
  }

  get leads(): boolean {
    return this.#lease.held
  }

  /** Begins. The first look at who leads is done when it resolves. */
  async start(): Promise<void> {
    await this.#bid()
    this.#done = Promise.all([this.#keepLead(), this.#work()])
  }

  /** Ends what is being done and gives the lead away. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#done
    await this.#guarded('give its lead away', () => this.#lease.resign())
  }

  async #keepLead(): Promise<void> {
    const { lease, runtime } = this.#options
    const { clock, random, logger } = runtime.surroundings
    const { signal } = this.#stopping
    let stalled = false
    while (!signal.aborted) {
      // Not all followers at once.
      await sleep(clock, (lease / 3) * (0.8 + 0.2 * random.next()), { signal })
      if (signal.aborted) return
      if (clock.monotonic() - this.#beat <= Math.max(stallAfter, 3 * lease)) {
        stalled = false
        await this.#guarded('ask for its lead', () => this.#bid())
      } else if (!stalled) {
        stalled = true
        logger.error('the scheduler does not get on, so it gives its lead away')
        await this.#guarded('give its lead away', () => this.#lease.resign())
      }
    }
  }

  async #bid(): Promise<void> {
    const { ledger, book, counts, runtime } = this.#options
    const { clock } = runtime.surroundings
    const report: LeaderReport = {
      host: hostname(),
      pid: process.pid,
      since: this.#since,
      plans: book.entries.size,
      counts,
    }
    await this.#lease.bid(JSON.stringify(report))
    const before = clock.now()
    const there = await ledger.now()
    this.#offset = there - (before + clock.now()) / 2
  }

  async #work(): Promise<void> {
    const { runtime, updateInterval, counts, book } = this.#options
    const { clock } = runtime.surroundings
    const { signal } = this.#stopping
    let looked = -Infinity
    let led = false
    while (!signal.aborted) {
      const went = await this.#guarded('get on', async () => {
        this.#beat = clock.monotonic()
        if (clock.monotonic() - looked >= updateInterval) {
          looked = clock.monotonic()
          // Plans that are known are fired also while their source is away.
          await this.#guarded('read its sources', () => this.#follow())
        }
        if (this.#lease.held && !led) await book.recall()
        led = this.#lease.held
        await this.#firing.pass()
        await this.#firing.release()
      })
      if (signal.aborted) return
      const wait = went ? this.#untilNext(looked) : pauseAfterFailure
      const asleep = clock.monotonic()
      this.#beat = asleep + wait
      await sleep(clock, wait, { signal })
      counts.drift = Math.max(counts.drift, Math.round(clock.monotonic() - asleep - wait))
    }
  }

  async #follow(): Promise<void> {
    const gone = await this.#options.book.follow()
    if (gone.length > 0 && this.#lease.held) await this.#options.ledger.forget(gone)
  }

  #untilNext(looked: number): number {
    const { runtime, updateInterval, book, lease } = this.#options
    const { clock } = runtime.surroundings
    const look = looked + updateInterval - clock.monotonic()
    // Whoever does not lead looks whether he does as often as the lead is asked for.
    if (!this.#lease.held) return Math.max(0, Math.min(look, lease / 3))
    const due = (book.heap.first?.due ?? Infinity) - (clock.now() + this.#offset)
    const release = book.waiting.size > 0 ? releaseEvery : Infinity
    return Math.max(0, Math.min(look, due, release))
  }

  async #guarded(what: string, work: () => Promise<void>): Promise<boolean> {
    try {
      await work()
      return true
    } catch (error) {
      this.#options.counts.errors++
      const { logger } = this.#options.runtime.surroundings
      logger.error(`the scheduler could not ${what}; it tries again`, { error })
      return false
    }
  }
}
