import { milliseconds, type Duration } from '../core/duration.ts'
import { InvalidInputError } from '../core/errors.ts'
import type { PlanTiming } from '../core/schedule-plan.ts'
import type { MisfireOptions, ScheduleSettings, ScheduleTiming } from '../core/schedule-line.ts'
import { cronLine } from './cron-line.ts'
import { readMoment } from './read-moment.ts'
import { zoneOf } from './zone.ts'

/** The parts of a line that say when. */
export type TimingLine = ScheduleTiming &
  Pick<ScheduleSettings, 'timezone' | 'start' | 'end' | 'limit' | 'jitter' | 'misfire'>

const second = 1000
const overlaps: readonly unknown[] = ['allow', 'skip', 'queue-one', 'cancel-running']
const policies: readonly unknown[] = ['skip', 'once', 'all']

/**
 * Reads when a line is due; everything that cannot be kept is refused here, before anything is stored.
 * @throws InvalidInputError that says what is wrong.
 */
export function readTiming(line: TimingLine): PlanTiming {
  const given = (['cron', 'every', 'at'] as const).filter((key) => line[key] !== undefined)
  if (given.length !== 1) throw refused('give exactly one of `cron`, `every` and `at`.')
  const { timezone, limit, overlap, dialect, subSecond } = line
  if (timezone !== undefined) zoneOf(text(timezone, 'timezone'))
  if (overlap !== undefined && !overlaps.includes(overlap)) {
    throw refused("`overlap` is 'allow', 'skip', 'queue-one' or 'cancel-running'.")
  }
  if (limit !== undefined && !(Number.isSafeInteger(limit) && limit >= 1)) {
    throw refused('`limit` is a whole number of 1 or more.')
  }
  if (dialect !== undefined && line.cron === undefined) {
    throw refused('`dialect` says how to read `cron`, which this line does not have.')
  }
  const every = line.every === undefined ? undefined : readEvery(line.every, subSecond)
  const moment = (value: Date | string | undefined): number | undefined =>
    value === undefined ? undefined : readMoment(value, timezone)
  const timing: PlanTiming = {
    ...(line.cron === undefined ? {} : { cron: line.cron, dialect }),
    timezone,
    every,
    at: moment(line.at),
    start: moment(line.start),
    end: moment(line.end),
    limit,
    jitter: line.jitter === undefined ? undefined : milliseconds(line.jitter),
    overlap,
    misfire: readMisfire(line.misfire),
  }
  if (timing.cron !== undefined) cronLine(timing.cron, timezone, dialect)
  if (timing.start !== undefined && timing.end !== undefined && timing.start >= timing.end) {
    throw refused('`start` must lie before `end`.')
  }
  // Only what is set: plans are compared and stored as data.
  return Object.fromEntries(
    Object.entries(timing).filter(([, value]) => value !== undefined),
  ) as PlanTiming
}

function readEvery(value: Duration, subSecond: boolean | undefined): number {
  const every = milliseconds(value)
  if (every < 1) throw refused('`every` must be more than 0.')
  if (every < second && subSecond !== true) {
    throw refused('`every` is one second or more (less only with `subSecond: true`).')
  }
  return every
}

function readMisfire(given: TimingLine['misfire']): PlanTiming['misfire'] {
  if (given === undefined) return undefined
  const options: MisfireOptions = typeof given === 'string' ? { policy: given } : given
  if (!policies.includes(options?.policy)) {
    throw refused("`misfire` is 'skip', 'once' or 'all', or { policy, within, after }.")
  }
  const { policy, within, after } = options
  return {
    policy,
    ...(within === undefined ? {} : { within: milliseconds(within) }),
    ...(after === undefined ? {} : { after: milliseconds(after) }),
  }
}

function text(value: unknown, name: string): string {
  if (typeof value === 'string') return value
  throw refused(`\`${name}\` is a text.`)
}

function refused(why: string): InvalidInputError {
  return new InvalidInputError(why)
}
