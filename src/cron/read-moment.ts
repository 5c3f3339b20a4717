import { InvalidInputError } from '../core/errors.ts'
import { zoneOf } from './zone.ts'

/** ISO 8601 without an offset: a date, perhaps with a time. */
const local = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,3})\d*)?)?)?$/

/**
 * Milliseconds since 1970 of a Date or an ISO text. A text without an offset is the local time of `timezone`
 * (default UTC), whatever zone this machine is in; one that does not exist there is refused.
 * @throws InvalidInputError
 */
export function readMoment(value: Date | string, timezone: string = 'UTC'): number {
  const match = typeof value === 'string' ? local.exec(value.trim()) : null
  if (match === null) {
    const at = value instanceof Date ? value.getTime() : Date.parse(String(value))
    if (Number.isNaN(at)) throw new InvalidInputError(`'${String(value)}' is not a date.`)
    return at
  }
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match
    .slice(1, 7)
    .map((part) => Number(part ?? 0))
  const ms = Number((match[7] ?? '').padEnd(3, '0') || 0)
  const shown = new Date(Date.UTC(year, month - 1, day, hour, minute, second, ms))
  const same =
    shown.getUTCMonth() === month - 1 &&
    shown.getUTCDate() === day &&
    shown.getUTCHours() === hour &&
    shown.getUTCMinutes() === minute &&
    shown.getUTCSeconds() === second
  if (!same) throw new InvalidInputError(`'${String(value)}' is not a date.`)
  const zone = zoneOf(timezone)
  const at = zone.moment(shown.getTime())
  if (zone.local(at) !== shown.getTime()) {
    throw new InvalidInputError(
      `'${String(value)}' does not exist in ${timezone}: the clocks are put forward over it.`,
    )
  }
  return at
}
