/**
 * All plans of a scheduler: read from its sources, checked, made known to the ledger, and in the order in
 * which they are due.
 *
 * A source that cannot be read keeps the plans it had: "all deleted" is never concluded from a failure.
 */
import { DefinitionError, InvalidInputError } from '../core/errors.ts'
import { adoptedState } from '../core/fire-decision.ts'
import type { FireLedger, FireState } from '../core/fire-ledger.ts'
import type { SchedulePlan } from '../core/schedule-plan.ts'
import type { PlanReading, ScheduleSource } from '../core/schedule-source.ts'
import { adoptionOf } from '../cron/adoption.ts'
import { checkPlan } from '../cron/check-plan.ts'
import { dueTime, nextSlot } from '../cron/plan-slots.ts'
import { tasksOf } from '../broker/canvas/plan.ts'
import { plannedWorkflow } from '../broker/canvas/start-task.ts'
import type { BrokerRuntime } from '../broker/runtime.ts'
import { DueHeap, type Due } from './due-heap.ts'

/** A plan with what the scheduler knows of its place. */
export interface PlanEntry extends Due {
  readonly plan: SchedulePlan
  readonly source: ScheduleSource
  mark: number
  anchor: number
  /** The id of its last message. */
  message: string | null
  /** The slot that waits for that message's end. */
  waiting: number | null
}

/** A plan that cannot be fired, and why. */
export interface BadPlan {
  readonly id: string
  readonly source: string
  readonly why: string
}

/** What a {@link PlanBook} is made of. */
export interface PlanBookOptions {
  readonly runtime: BrokerRuntime
  readonly ledger: FireLedger
  readonly sources: readonly ScheduleSource[]
  /** Plans that are new are made known to the ledger: their slots begin now. Otherwise it only looks. */
  readonly fires: boolean
}

/** Plans that are made known, or asked for, in one call. */
const page = 1000

/** See the top of the file. */
export class PlanBook {
  readonly entries: Map<string, PlanEntry> = new Map()
  readonly heap: DueHeap<PlanEntry> = new DueHeap()
  /** Plans one of whose slots waits for their last message. */
  readonly waiting: Set<PlanEntry> = new Set()
  readonly bad: Map<string, BadPlan> = new Map()
  /** What the ledger knew of plans when they were read. Only where the book is there to look. */
  readonly states: Map<string, FireState> = new Map()
  readonly #runtime: BrokerRuntime
  readonly #ledger: FireLedger
  readonly #sources: readonly ScheduleSource[]
  readonly #fires: boolean
  readonly #stamps = new Map<ScheduleSource, string>()

  constructor({ runtime, ledger, sources, fires }: PlanBookOptions) {
    this.#runtime = runtime
    this.#ledger = ledger
    this.#sources = sources
    this.#fires = fires
  }

  /** Reads all sources for the first time. @throws DefinitionError for a plan in code that cannot be fired. */
  async load(): Promise<void> {
    for (const source of this.#sources) {
      await this.#follow(source, (bad) => {
        const clash = bad.why.startsWith('another source')
        if (source.writable && !clash) return
        throw new DefinitionError(`schedule '${bad.id}' of source '${source.name}': ${bad.why}`)
      })
    }
  }

  /**
   * Reads what has changed since. Answers the plans of stores that are gone, for whoever leads to let go of.
   * What fails, fails for its source alone, and is told at the end.
   */
  async follow(): Promise<readonly string[]> {
    const { logger } = this.#runtime.surroundings
    const gone: string[] = []
    const failed: unknown[] = []
    for (const source of this.#sources) {
      try {
        gone.push(
          ...(await this.#follow(source, ({ id, why }) =>
            logger.warn(`schedule '${id}' of source '${source.name}' is not fired: ${why}`),
          )),
        )
      } catch (error) {
        failed.push(error)
      }
    }
    if (failed.length > 0) throw new AggregateError(failed, String(failed[0]))
    return gone
  }

  /** Learns anew where all plans are: another scheduler may have fired them. */
  async recall(): Promise<void> {
    const all = [...this.entries.values()]
    for (let i = 0; i < all.length; i += page) {
      const some = all.slice(i, i + page)
      const states = await this.#ledger.states(some.map(({ plan }) => plan.id))
      for (const [j, entry] of some.entries()) {
        const state = states[j]
        if (state !== undefined && state !== null) this.learn(entry, state)
      }
    }
  }

  /** Makes one plan known again whose state the store has lost. */
  async readopt({ plan }: PlanEntry): Promise<void> {
    await this.#adopt([plan])
  }

  /** Puts what the store knows into an entry, and the entry in its place. */
  learn(entry: PlanEntry, state: Pick<FireState, 'mark' | 'anchor' | 'message' | 'waiting'>): void {
    entry.mark = state.mark
    entry.anchor = state.anchor
    entry.message = state.message
    this.wait(entry, state.waiting)
    this.rank(entry, nextSlot(entry.plan, entry.mark, entry.anchor))
  }

  /** Notes which slot of a plan waits for its last message. */
  wait(entry: PlanEntry, slot: number | null): void {
    entry.waiting = slot
    if (slot === null) this.waiting.delete(entry)
    else this.waiting.add(entry)
  }

  /** Puts an entry in its place by its next slot. */
  rank(entry: PlanEntry, slot: number | null): void {
    if (!this.#holds(entry)) return
    // One that is done and still there is due at once: to be removed.
    const none = entry.source.writable && isFinished(entry) ? -Infinity : Infinity
    entry.due = slot === null ? none : dueTime(entry.plan, slot)
    this.heap.put(entry)
  }

  /** Puts an entry off: it is looked at again at this time. */
  putOff(entry: PlanEntry, until: number): void {
    if (!this.#holds(entry)) return
    entry.due = until
    this.heap.put(entry)
  }

  /** Lets go of a plan. */
  drop(id: string): void {
    const entry = this.entries.get(id)
    if (entry === undefined) return
    this.entries.delete(id)
    this.heap.remove(entry)
    this.waiting.delete(entry)
  }

  #holds(entry: PlanEntry): boolean {
    return this.entries.get(entry.plan.id) === entry
  }

  async #follow(source: ScheduleSource, onBad: (bad: BadPlan) => void): Promise<string[]> {
    const reading = await source.read(this.#stamps.get(source))
    const gone = this.#missing(source, reading)
    for (const id of gone) {
      this.drop(id)
      this.bad.delete(id)
    }
    const fresh: SchedulePlan[] = []
    const refuse = (bad: BadPlan): void => {
      const told = this.bad.get(bad.id)?.why === bad.why
      this.bad.set(bad.id, bad)
      if (!told) onBad(bad)
    }
    for (const { id, why } of reading.unreadable ?? []) refuse({ id, source: source.name, why })
    for (const plan of reading.plans) {
      const known = this.entries.get(plan.id)
      try {
        if (known !== undefined && known.source !== source) {
          throw new InvalidInputError(
            `another source ('${known.source.name}') has a plan of this id.`,
          )
        }
        this.#check(plan, source)
        this.bad.delete(plan.id)
        if (known !== undefined && reading.whole && same(known.plan, plan)) continue
        fresh.push(plan)
      } catch (error) {
        if (known?.source === source) this.drop(plan.id)
        refuse({ id: plan.id, source: source.name, why: (error as Error).message })
      }
    }
    for (let i = 0; i < fresh.length; i += page) {
      await this.#adopt(fresh.slice(i, i + page), source)
    }
    this.#stamps.set(source, reading.stamp)
    return source.writable ? gone : []
  }

  #missing(source: ScheduleSource, { whole, plans, removed }: PlanReading): string[] {
    const mine = (id: string): boolean => this.entries.get(id)?.source === source
    if (!whole) return removed.filter((id) => mine(id) || this.bad.get(id)?.source === source.name)
    if (this.entries.size === 0) return []
    const there = new Set(plans.map(({ id }) => id))
    return [...this.entries.keys()].filter((id) => mine(id) && !there.has(id))
  }

  #check(plan: SchedulePlan, source: ScheduleSource): void {
    checkPlan(plan)
    const { transport } = this.#runtime
    const workflow = plannedWorkflow(plan)
    const missing = [plan.task, ...(workflow === undefined ? [] : tasksOf(workflow.canvas))].find(
      (name) => this.#runtime.taskOf(name) === undefined,
    )
    if (missing === undefined) return
    // On a queue that others read too, a plan may be for a task of theirs.
    if (workflow === undefined && source.writable && transport.capabilities.foreignReaders) return
    throw new InvalidInputError(
      `the broker has no task '${missing}'. Import the module that defines it.`,
    )
  }

  async #adopt(plans: readonly SchedulePlan[], source?: ScheduleSource): Promise<void> {
    const now = await this.#ledger.now()
    const adoptions = plans.map((plan) => adoptionOf(plan, now))
    const states = this.#fires
      ? await this.#ledger.adopt(adoptions)
      : await this.#ledger.states(plans.map(({ id }) => id))
    for (const [i, plan] of plans.entries()) {
      const from = source ?? this.entries.get(plan.id)?.source
      const known = states[i] ?? null
      if (known !== null && !this.#fires) this.states.set(plan.id, known)
      const state = known ?? adoptedState(undefined, adoptionOf(plan, now))
      if (from === undefined) continue
      this.drop(plan.id)
      const { mark, anchor, message, waiting } = state
      const entry = { plan, source: from, due: Infinity, place: -1, mark, anchor, message, waiting }
      this.entries.set(plan.id, entry)
      this.learn(entry, state)
    }
  }
}

/** A plan for one moment, which has been decided. */
export function isFinished({ plan, mark }: PlanEntry): boolean {
  return plan.at !== undefined && mark >= plan.at
}

/** Plans are plain data. */
function same(a: SchedulePlan, b: SchedulePlan): boolean {
  return a === b || stable(a) === stable(b)
}

function stable(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) => (typeof each === 'bigint' ? `${each}n` : each))
}
