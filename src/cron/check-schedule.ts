import { createRequire } from 'node:module'
import type * as Croner from 'croner'
import { milliseconds } from '../core/duration.ts'
import { InvalidInputError } from '../core/errors.ts'
import type { ScheduleLine } from '../core/schedule-line.ts'

const longestLine = 256

// Loaded when a task has a schedule: `import 'taskwright'` loads no package.
const require = createRequire(import.meta.url)

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
  const given = (['cron', 'every', 'at'] as const).filter((key) => line[key] !== undefined)
  if (given.length !== 1)
    throw new InvalidInputError('give exactly one of `cron`, `every` and `at`.')
  if (line.every !== undefined && milliseconds(line.every) < 1000) {
    throw new InvalidInputError('`every` is one second or more.')
  }
  if (line.at !== undefined && Number.isNaN(new Date(line.at).getTime())) {
    throw new InvalidInputError(`'${String(line.at)}' is not a date.`)
  }
  if (line.cron !== undefined) checkCron(line.cron, line.timezone)
}

function checkCron(text: string, timezone: string | undefined): void {
  const fields = text.trim().split(/\s+/)
  if (
    text.length > longestLine ||
    (!text.startsWith('@') && fields.length !== 5 && fields.length !== 6)
  ) {
    throw new InvalidInputError(
      `'${text.slice(0, longestLine)}' is not a cron line of 5 or 6 fields.`,
    )
  }
  const zero = fields.find((field) => /\/0+(\D|$)/.test(field))
  if (zero !== undefined) throw new InvalidInputError(`the step of '${zero}' must be more than 0.`)
  const { Cron } = require('croner') as typeof Croner
  const cron = new Cron(text, { paused: true, ...(timezone === undefined ? {} : { timezone }) })
  if (cron.nextRun() === null) throw new InvalidInputError(`'${text}' never comes round.`)
}
