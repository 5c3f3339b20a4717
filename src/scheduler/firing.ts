/**
 * Fires what is due: for each plan its slots in order, for all plans together in batches. Each slot's mark
 * and message are one step of the store, so it does not matter who else fires them.
 */
import type { Fire, FireAnswer, FireLedger } from '../core/fire-ledger.ts'
import { dueTime, slotMessageId } from '../cron/plan-slots.ts'
import { TurnBatch } from '../coalescing/turn-batch.ts'
import { cancelTasks } from '../broker/cancel.ts'
import { cancelStarted, startName } from '../broker/canvas/start-task.ts'
import { planMessage } from '../broker/plan-message.ts'
import type { BrokerRuntime } from '../broker/runtime.ts'
import { dueSlots, type DueSlot } from './due-slots.ts'
import { isFinished, type PlanBook, type PlanEntry } from './plan-book.ts'
import type { SchedulerCounts } from './scheduler-counts.ts'

/** What {@link Firing} needs. */
export interface FiringOptions {
  readonly runtime: BrokerRuntime
  readonly ledger: FireLedger
  readonly book: PlanBook
  readonly counts: SchedulerCounts
  /** The store's clock, as well as it is known here. */
  readonly now: () => number
  /** Slots that were due before it are left out. */
  readonly skipBefore: number | undefined
  /** Whether to go on: another scheduler may have taken over. Called for each batch, which shows that all is well. */
  readonly goOn: () => boolean
}

/** Plans that are worked on at once. */
const atOnce = 500
/** Slots of one call to the store: a script of Redis must not hold it up. */
const mostPerCall = 100
/** Milliseconds until a plan is looked at again that could not be fired, and one whose store's clock is behind. */
const retryAfter = 1000
const earlyAfter = 10
const tidyAgainAfter = 60_000

/** See the top of the file. */
export class Firing {
  readonly #options: FiringOptions
  readonly #batch: TurnBatch<Fire, FireAnswer>

  constructor(options: FiringOptions) {
    this.#options = options
    this.#batch = new TurnBatch({
      run: (fires) => options.ledger.fire(fires),
      most: mostPerCall,
      inFlight: 2,
    })
  }

  /** Fires all that is due. */
  async pass(): Promise<void> {
    const { book, goOn, now } = this.#options
    while (goOn()) {
      const due: PlanEntry[] = []
      const at = now()
      while (due.length < atOnce) {
        const { first } = book.heap
        if (first === undefined || first.due > at) break
        book.heap.remove(first)
        due.push(first)
      }
      if (due.length === 0) break
      await Promise.all(due.map((entry) => this.#fireEntry(entry)))
      await this.#tidy(due.filter(isFinished))
    }
  }

  /** Sends the slots whose last messages have ended meanwhile. */
  async release(): Promise<void> {
    const { book, goOn } = this.#options
    if (book.waiting.size === 0 || !goOn()) return
    await Promise.all(
      [...book.waiting].map((entry) =>
        this.#guarded(entry, async () => {
          const { waiting } = entry
          if (waiting === null) return
          const answer = await this.#send(entry, { slot: waiting, release: true, missed: 0 })
          if (answer !== 'waits' && answer !== 'full') book.wait(entry, null)
        }),
      ),
    )
  }

  async #fireEntry(entry: PlanEntry): Promise<void> {
    const { book, now, skipBefore } = this.#options
    const { mark, anchor } = entry
    const fired = await this.#guarded(entry, async () => {
      const { slots, next } = dueSlots(entry.plan, { mark, anchor, skipBefore }, now())
      for (const due of slots) {
        const answer = due.send ? await this.#send(entry, due) : await this.#passOver(entry, due)
        if (answer === 'full' || answer === 'early') {
          book.putOff(entry, now() + (answer === 'full' ? retryAfter : earlyAfter))
          return
        }
        if (answer === 'unknown') {
          // The store has lost it, or it is being removed: the next look at the sources tells.
          book.putOff(entry, now() + retryAfter)
          if (book.entries.has(entry.plan.id)) await book.readopt(entry)
          return
        }
        entry.mark = due.slot
        if (answer === 'ended') {
          book.rank(entry, null)
          return
        }
      }
      book.rank(entry, next)
    })
    if (!fired) book.putOff(entry, now() + retryAfter)
  }

  async #send(
    entry: PlanEntry,
    { slot, missed, release }: { slot: number; missed: number; release?: boolean },
  ): Promise<FireAnswer> {
    const { runtime, book } = this.#options
    const { plan } = entry
    if (plan.overlap === 'cancel-running' && entry.message !== null) {
      const reason = `the next fire of schedule '${plan.id}' is due`
      if (plan.task === startName) await cancelStarted(runtime, entry.message, reason)
      else await cancelTasks(runtime, [entry.message], reason)
    }
    const id = (plan.at === undefined ? undefined : plan.taskId) ?? slotMessageId(plan.id, slot)
    const { overlap, limit } = plan
    let answer = 'decided' as FireAnswer
    await runtime.sender.sendWithin(planMessage(runtime, plan, { id, slot }), async (envelope) => {
      answer = await this.#batch.add({
        id: plan.id,
        slot,
        envelope,
        missed,
        limit,
        release,
        overlap: overlap === 'skip' || overlap === 'queue-one' ? overlap : undefined,
      })
      return answer === 'fired' ? 'stored' : 'known'
    })
    if (answer === 'fired') entry.message = id
    if (answer === 'waits' && release !== true) book.wait(entry, slot)
    this.#count(entry, answer, { slot, missed })
    return answer
  }

  async #passOver({ plan }: PlanEntry, { slot, missed }: DueSlot): Promise<FireAnswer> {
    const answer = await this.#batch.add({ id: plan.id, slot, envelope: null, missed })
    if (answer === 'passed') this.#options.counts.missed += missed + 1
    return answer
  }

  #count({ plan }: PlanEntry, answer: FireAnswer, of: { slot: number; missed: number }): void {
    const { counts, now } = this.#options
    switch (answer) {
      case 'fired': {
        counts.fired++
        counts.missed += of.missed
        // A plan for a moment that had passed when it was made is not late.
        if (plan.at === undefined) {
          counts.lag.last = Math.max(0, Math.round(now() - dueTime(plan, of.slot)))
          counts.lag.max = Math.max(counts.lag.max, counts.lag.last)
        }
        break
      }
      case 'skipped':
      case 'paused':
        counts.skipped++
        break
      case 'decided':
        counts.decided++
        break
      default:
    }
  }

  /** False when it failed: told, and tried again. */
  async #guarded({ plan }: PlanEntry, work: () => Promise<void>): Promise<boolean> {
    const { runtime, counts } = this.#options
    try {
      await work()
      return true
    } catch (error) {
      counts.errors++
      runtime.surroundings.logger.error(
        `schedule '${plan.id}' could not be fired; it is tried again`,
        {
          error,
        },
      )
      return false
    }
  }

  /** Plans for one moment are removed from the stores that they were put into. */
  async #tidy(finished: readonly PlanEntry[]): Promise<void> {
    const { book, ledger, counts, now, runtime } = this.#options
    const { logger } = runtime.surroundings
    for (const source of new Set(finished.map((entry) => entry.source))) {
      if (!source.writable) continue
      const ids = finished.filter((entry) => entry.source === source).map(({ plan }) => plan.id)
      try {
        await source.remove(ids)
        await ledger.forget(ids)
        for (const id of ids) book.drop(id)
      } catch (error) {
        counts.errors++
        logger.warn('plans that are done could not be removed; it is tried again', { error })
        for (const entry of finished) book.putOff(entry, now() + tidyAgainAfter)
      }
    }
  }
}
