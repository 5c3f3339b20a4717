import { InvalidInputError } from '../core/errors.ts'
import { isPlanId, type SchedulePlan } from '../core/schedule-plan.ts'
import { cronLine } from './cron-line.ts'
import { zoneOf } from './zone.ts'

const moments = ['at', 'start', 'end'] as const
const spans = ['every', 'limit'] as const

/**
 * Checks a plan that was read from a store, where others may have written it.
 * @throws InvalidInputError that says what is wrong.
 */
export function checkPlan(plan: SchedulePlan): void {
  if (!isPlanId(plan.id)) throw refused('its id is not 1 to 250 characters without spaces.')
  const given = [plan.cron, plan.every, plan.at].filter((each) => each !== undefined)
  if (given.length !== 1) throw refused('it needs exactly one of `cron`, `every` and `at`.')
  for (const name of moments) {
    if (plan[name] !== undefined && !Number.isFinite(plan[name])) {
      throw refused(`\`${name}\` is not a moment.`)
    }
  }
  for (const name of spans) {
    const value = plan[name]
    if (value !== undefined && !(Number.isSafeInteger(value) && value >= 1)) {
      throw refused(`\`${name}\` is not a whole number of 1 or more.`)
    }
  }
  if (plan.jitter !== undefined && !(plan.jitter >= 0 && plan.jitter < Infinity)) {
    throw refused('`jitter` is not a span of time.')
  }
  if (plan.timezone !== undefined) zoneOf(plan.timezone)
  if (plan.cron !== undefined) cronLine(plan.cron, plan.timezone, plan.dialect)
}

function refused(why: string): InvalidInputError {
  return new InvalidInputError(why)
}
