import { InvalidInputError } from '../core/errors.ts'
import type { CronDialect } from '../core/schedule-line.ts'
import { readSet, type FieldRules } from './cron-field.ts'

/** A line as croner reads it, with what its text does not say. */
export interface CronReading {
  readonly pattern: string
  /** Day of the month and day of the week must both fit; otherwise one of them. */
  readonly bothDays: boolean
  /** The line names its hours: it means times of day, and not a beat that goes on while clocks are changed. */
  readonly namesHours: boolean
}

const longestLine = 256

const dayNames = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']
const monthNames = [
  'jan',
  'feb',
  'mar',
  'apr',
  'may',
  'jun',
  'jul',
  'aug',
  'sep',
  'oct',
  'nov',
  'dec',
]

const fields = [
  { name: 'minute', low: 0, high: 59, unit: 'm' },
  { name: 'hour', low: 0, high: 23, unit: 'h' },
  { name: 'day of the month', low: 1, high: 31, unit: 'd' },
  { name: 'month', low: 1, high: 12, unit: undefined },
  { name: 'day of the week', low: 0, high: 6, unit: undefined },
] as const
const seconds = { name: 'second', low: 0, high: 59, unit: 's' } as const

/**
 * Reads a cron line of one of the dialects into croner's.
 * @throws InvalidInputError that says what is wrong with it.
 */
export function readCron(text: unknown, dialect: CronDialect = 'taskwright'): CronReading {
  if (typeof text !== 'string') throw new InvalidInputError('a cron line is a text.')
  if (text.length > longestLine) throw notFields(text, dialect)
  switch (dialect) {
    case 'taskwright':
      return readOwn(text)
    case 'celery':
      return readCelery(text)
    case 'taskiq':
      return readTaskiq(text)
    default:
      throw new InvalidInputError("`dialect` is 'taskwright', 'celery' or 'taskiq'.")
  }
}

/** croner's own language, without what would fire in a way that nobody means. */
function readOwn(text: string): CronReading {
  const trimmed = text.trim()
  const parts = trimmed.split(/\s+/)
  if (trimmed.startsWith('@')) {
    return { pattern: trimmed, bothDays: false, namesHours: trimmed.toLowerCase() !== '@hourly' }
  }
  if (parts.length !== 5 && parts.length !== 6) throw notFields(text, 'taskwright')
  for (const part of parts) checkSteps(part)
  const withSeconds = parts.length === 6
  const rules = withSeconds ? [seconds, ...fields] : fields
  for (const [i, { name, low, high, unit }] of rules.entries()) {
    const size = high - low + 1
    for (const step of parts[i]?.matchAll(/\/(\d+)/g) ?? []) {
      if (Number(step[1]) < size) continue
      const every =
        unit === undefined
          ? ''
          : ` For an interval of its own write \`every: '${step[1]}${unit}'\`.`
      throw new InvalidInputError(
        `the step of '${parts[i]}' is as large as its field (${name}: ${size} values), so it would fire once a round.${every}`,
      )
    }
  }
  const hours = parts[withSeconds ? 2 : 1] ?? ''
  return { pattern: parts.join(' '), bothDays: false, namesHours: !/[*?]/.test(hours) }
}

function readCelery(text: string): CronReading {
  const parts = text.trim().split(/\s+/)
  if (parts.length !== 5) throw notFields(text, 'celery')
  const sets = fields.map(({ name, low, high }, i) => {
    const names = i === 3 ? monthNames : i === 4 ? dayNames : undefined
    return read(parts[i], { name, low, high, names, wraps: true, stepFrom: low })
  })
  return {
    pattern: sets.map(({ list }) => list).join(' '),
    bothDays: true,
    namesHours: !(parts[1] ?? '').includes('*'),
  }
}

function readTaskiq(text: string): CronReading {
  const parts = text.split(' ')
  if (parts.length !== 5) throw notFields(text, 'taskiq')
  const sets = fields.map(({ name, low, high }, i) =>
    read(parts[i], {
      name,
      low,
      high,
      names: i === 4 ? dayNames : undefined,
      wraps: false,
      stepFrom: 0,
    }),
  )
  const [, hours = '', days = '', , weekdays = ''] = parts
  return {
    pattern: sets.map(({ list }) => list).join(' '),
    bothDays: days.includes('*') || weekdays.includes('*'),
    namesHours: !hours.includes('*'),
  }
}

function read(part: string | undefined, rules: FieldRules): { list: string } {
  checkSteps(part ?? '')
  return { list: readSet(part ?? '', rules).join(',') }
}

function checkSteps(part: string): void {
  if (/\/0+(\D|$)/.test(part)) {
    throw new InvalidInputError(`the step of '${part}' must be more than 0.`)
  }
}

function notFields(text: string, dialect: CronDialect): InvalidInputError {
  const shown = `'${text.slice(0, longestLine)}'`
  switch (dialect) {
    case 'taskwright':
      return new InvalidInputError(`${shown} is not a cron line of 5 or 6 fields.`)
    case 'celery':
      return new InvalidInputError(
        `${shown} is not a crontab of Celery: 5 fields (minute hour day-of-month month day-of-week), no seconds and no nickname.`,
      )
    case 'taskiq':
      return new InvalidInputError(
        `${shown} is not a cron line of TaskIQ, which never fires it: 5 fields with exactly one space between them. For seconds use \`every\` or leave \`dialect\` out.`,
      )
  }
}
