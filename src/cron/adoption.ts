import type { Adoption } from '../core/fire-ledger.ts'
import type { SchedulePlan } from '../core/schedule-plan.ts'
import { timingPrint } from './plan-slots.ts'

/**
 * How a plan becomes known to a ledger: its slots begin after `now`, the clock of the store. A plan for one
 * moment is due even when that has passed: how late it may still be sent is for its misfire policy.
 */
export function adoptionOf(plan: SchedulePlan, now: number): Adoption {
  return {
    id: plan.id,
    print: timingPrint(plan),
    mark: plan.at === undefined ? now : Math.min(now, plan.at - 1),
    anchor: now,
  }
}
