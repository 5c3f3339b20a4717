import type { FireLedger, Leadership } from '../core/fire-ledger.ts'
import { dueTime, nextSlot } from '../cron/plan-slots.ts'
import type { PlanBook } from './plan-book.ts'
import type { LeaderReport, LeaderStatus, PlannedTask, SchedulerStatus } from './scheduler.ts'

/** What {@link readStatus} looks at. */
export interface StatusOf {
  readonly book: PlanBook
  readonly ledger: FireLedger
  readonly group: string
  /** Milliseconds. */
  readonly lease: number
}

const patience = 15_000

/** All plans of a book that only looks, as they stand. */
export function plannedTasks({ entries, states }: PlanBook, now: number): readonly PlannedTask[] {
  return [...entries.values()].map(({ plan, source, mark, anchor }) => {
    const state = states.get(plan.id) ?? null
    const done = plan.limit !== undefined && (state?.fired ?? 0) >= plan.limit
    const from = Math.max(now, state?.mark ?? mark)
    const slot = done || state?.paused === true ? null : nextSlot(plan, from, anchor)
    return { plan, source: source.name, state, next: slot === null ? null : new Date(slot) }
  })
}

/** How schedulers do: who leads, and whether what is due gets done. */
export async function readStatus(of: StatusOf): Promise<SchedulerStatus> {
  const { book, ledger, group, lease } = of
  const now = await ledger.now()
  const planned = plannedTasks(book, now)
  const leaders = (await ledger.leaders()).map((leader) => statusOf(leader, now))
  const overdue = planned.filter((each) => isOverdue(each, now - Math.max(patience, 2 * lease)))
  const alive = leaders.some((leader) => leader.group === group && leader.alive)
  const sum = (name: 'fired' | 'missed' | 'skipped'): number =>
    planned.reduce((total, { state }) => total + (state?.[name] ?? 0), 0)
  return {
    health: !alive ? 'absent' : overdue.length > 0 ? 'stalled' : 'healthy',
    leaders,
    plans: planned.length,
    paused: planned.filter(({ state }) => state?.paused === true).length,
    overdue: overdue.map(({ plan }) => plan.id),
    bad: [...book.bad.values()],
    fired: sum('fired'),
    missed: sum('missed'),
    skipped: sum('skipped'),
  }
}

function isOverdue({ plan, state }: PlannedTask, before: number): boolean {
  if (state === null || state.paused) return false
  if (plan.limit !== undefined && state.fired >= plan.limit) return false
  const slot = nextSlot(plan, state.mark, state.anchor)
  return slot !== null && dueTime(plan, slot) < before
}

function statusOf({ group, holder, until, report }: Leadership, now: number): LeaderStatus {
  return { group, holder, alive: until > now, goneFor: now - until, report: readReport(report) }
}

function readReport(text: string): LeaderReport | undefined {
  try {
    return JSON.parse(text) as LeaderReport
  } catch {
    return undefined
  }
}
