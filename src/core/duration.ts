import { InvalidInputError } from './errors.ts'

type N = `${number}`

/**
 * A length of time: milliseconds as a number, or a text such as `'250ms'`, `'30s'`, `'5m'`,
 * `'1h30m'`, `'2d'`. Wrong texts do not compile; texts from outside the program go through
 * {@link duration}.
 */
export type Duration =
  | number
  | `${N}ms`
  | `${N}s`
  | `${N}m`
  | `${N}h`
  | `${N}d`
  | `${N}m${N}s`
  | `${N}h${N}m`
  | `${N}h${N}m${N}s`
  | `${N}d${N}h`

const unitMs = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const
const whole =
  /^(?:(\d+(?:\.\d+)?)d)?(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?$/
const order = ['d', 'h', 'm', 's', 'ms'] as const

/**
 * Reads a duration that comes from outside the program (a flag, an environment variable).
 *
 * @throws InvalidInputError when the text is not a duration.
 */
export function duration(text: string): Duration {
  return parse(text)
}

/**
 * The milliseconds of a {@link Duration}; fractions of a millisecond are rounded.
 *
 * @throws InvalidInputError when it is negative, not finite, or not a duration.
 */
export function milliseconds(value: Duration): number {
  if (typeof value === 'string') return parse(value)
  if (typeof value === 'number' && Number.isFinite(value) && value >= 0) return Math.round(value)
  throw new InvalidInputError(
    `not a duration: ${String(value)}. Give milliseconds as a number of 0 or more, or a text like '30s', '5m', '1h30m'.`,
  )
}

function parse(text: string): number {
  const match = text.length > 0 && text.length <= 64 ? whole.exec(text) : null
  if (match === null) {
    throw new InvalidInputError(
      `not a duration: '${text.slice(0, 64)}'. Write for instance '250ms', '30s', '5m', '1h30m' or '2d'.`,
    )
  }
  let total = 0
  for (const [i, unit] of order.entries()) total += Number(match[i + 1] ?? 0) * unitMs[unit]
  return Math.round(total)
}
