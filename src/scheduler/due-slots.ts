import type { SchedulePlan } from '../core/schedule-plan.ts'
import { dueTime, nextSlot } from '../cron/plan-slots.ts'

/** What is to become of a slot, and of those before it. */
export interface DueSlot {
  readonly slot: number
  /** Sent; otherwise passed over. */
  readonly send: boolean
  /** Slots before this one that are passed over with it. */
  readonly missed: number
}

/** What a plan has to do at a moment. */
export interface DueSlots {
  readonly slots: readonly DueSlot[]
  /** The slot after them, due or not; `null` when the plan has no more. */
  readonly next: number | null
}

/** From where a plan goes on. */
export interface PlanPlace {
  /** Every slot up to this one has been decided. */
  readonly mark: number
  readonly anchor: number
  /** Slots that were due before this moment are passed over, whatever the policy. */
  readonly skipBefore?: number | undefined
}

const defaultAfter = 15_000
const defaultWithin = 600_000
/** The most slots that are sent at once: the others are due still, and come next. */
const mostSent = 1000
/** The most slots that are counted one by one where a plan was not looked at for long. */
const mostCounted = 10_000

/**
 * Decides which slots of a plan are sent now, by its misfire policy: those that are not older than `after`,
 * all of them; of older ones within the window those that the policy makes up for.
 */
export function dueSlots(
  plan: SchedulePlan,
  { mark, anchor, skipBefore = -Infinity }: PlanPlace,
  now: number,
): DueSlots {
  const { policy = 'once', after = defaultAfter } = plan.misfire ?? {}
  const within = plan.misfire?.within ?? (plan.at === undefined ? defaultWithin : Infinity)
  const slots: DueSlot[] = []
  let missed = 0
  /** The last slot that was passed over. */
  let passed: number | undefined
  /** The late slot that `once` makes up for, unless a later one takes its place. */
  let late: number | undefined
  const send = (slot: number): void => {
    slots.push({ slot, send: true, missed })
    missed = 0
    passed = undefined
  }
  const pass = (slot: number): void => {
    missed++
    passed = slot
  }
  let slot = nextSlot(plan, mark, anchor)
  for (let counted = 0; slot !== null && slots.length < mostSent; counted++) {
    const due = dueTime(plan, slot)
    if (due > now) break
    const age = now - due
    if (due < skipBefore) pass(slot)
    else if (age <= after) {
      if (late !== undefined) send(late)
      late = undefined
      send(slot)
    } else if (policy === 'skip' || age > within) pass(slot)
    else if (policy === 'all') send(slot)
    else {
      if (late !== undefined) pass(late)
      late = slot
    }
    // Beyond what is worth counting: on to what may still be sent.
    const from: number =
      counted === mostCounted ? Math.max(slot, now - Math.max(after, within)) : slot
    slot = nextSlot(plan, from, anchor)
  }
  if (late !== undefined) send(late)
  if (passed !== undefined) slots.push({ slot: passed, send: false, missed: missed - 1 })
  return { slots, next: slot }
}
