import { InvalidInputError } from '../core/errors.ts'
import type { ScheduleLine } from '../core/schedule-line.ts'
import { isPlanId } from '../core/schedule-plan.ts'
import { readTiming } from './read-timing.ts'

const known: ReadonlySet<string> = new Set([
  'id',
  'args',
  'labels',
  'queue',
  'timezone',
  'start',
  'end',
  'limit',
  'jitter',
  'misfire',
  'cron',
  'dialect',
  'every',
  'subSecond',
  'at',
  'overlap',
])

/**
 * Checks the lines of a task's `schedule`.
 * @throws InvalidInputError that names the line.
 */
export function checkSchedule(lines: readonly ScheduleLine[]): void {
  if (!Array.isArray(lines)) throw new InvalidInputError('`schedule` must be a list of lines.')
  for (const [i, line] of lines.entries()) {
    try {
      checkLine(line)
    } catch (error) {
      throw new InvalidInputError(`schedule line ${i + 1}: ${(error as Error).message}`, {
        cause: error,
      })
    }
  }
}

function checkLine(line: ScheduleLine): void {
  if (typeof line !== 'object' || line === null) {
    throw new InvalidInputError("a line is an object, such as { cron: '0 5 * * *' }.")
  }
  for (const key of Object.keys(line)) {
    if (!known.has(key)) {
      throw new InvalidInputError(`there is no '${key}'. Known: ${[...known].join(', ')}.`)
    }
  }
  if (line.id !== undefined && !isPlanId(line.id)) {
    throw new InvalidInputError('`id` is 1 to 250 characters without spaces.')
  }
  if (line.args !== undefined && !Array.isArray(line.args)) {
    throw new InvalidInputError('`args` is a list.')
  }
  readTiming(line)
}
