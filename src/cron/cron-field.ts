import { InvalidInputError } from '../core/errors.ts'

/** How one field of a foreign dialect is read. */
export interface FieldRules {
  readonly name: string
  readonly low: number
  readonly high: number
  /** Names of the values from `low` on, lower case. */
  readonly names?: readonly string[] | undefined
  /** `fri-mon` and `22-4` go round. */
  readonly wraps: boolean
  /** From where a step over all values counts: the first value (Celery), or 0 (pycron: values that divide). */
  readonly stepFrom: number
}

/**
 * The values of a field, in order: lists of `*`, `*\/n`, a value, `a-b` and `a-b/n`.
 * @throws InvalidInputError
 */
export function readSet(text: string, rules: FieldRules): readonly number[] {
  const values = new Set<number>()
  for (const item of text.split(',')) for (const value of readItem(item, rules)) values.add(value)
  if (values.size === 0) {
    throw new InvalidInputError(`'${text}' (${rules.name}) fits no value, so it would never fire.`)
  }
  return [...values].sort((a, b) => a - b)
}

function readItem(item: string, rules: FieldRules): number[] {
  const { name, low, high, wraps, stepFrom } = rules
  const bad = (why: string): InvalidInputError =>
    new InvalidInputError(`'${item}' (${name}) ${why}.`)
  const [range = '', stepText, more] = item.split('/')
  if (more !== undefined) throw bad('has two steps')
  if (stepText !== undefined && !/^\d{1,4}$/.test(stepText))
    throw bad('has a step that is no number')
  const step = stepText === undefined ? 1 : Number(stepText)
  if (range === '*') {
    const all = Array.from({ length: high - low + 1 }, (_, i) => low + i)
    return all.filter((value) => (value - stepFrom) % step === 0)
  }
  const [fromText = '', toText, rest] = range.split('-')
  if (rest !== undefined) throw bad('is not a range')
  const from = readValue(fromText, rules, bad)
  if (toText === undefined) {
    if (stepText !== undefined) throw bad('has a step without a range: write a-b/n or */n')
    return [from]
  }
  const to = readValue(toText, rules, bad)
  if (from > to && !wraps) throw bad('goes backwards')
  const size = high - low + 1
  const span = (to - from + size) % size
  const values: number[] = []
  for (let i = 0; i <= span; i += step) values.push(low + ((from - low + i) % size))
  return values
}

function readValue(
  text: string,
  { low, high, names }: FieldRules,
  bad: (why: string) => InvalidInputError,
): number {
  const place = names?.indexOf(text.toLowerCase().slice(0, 3)) ?? -1
  if (place >= 0 && /^[a-z]{3}$/i.test(text)) return low + place
  if (!/^\d{1,4}$/.test(text)) throw bad('is not a number' + (names ? ' or a name' : ''))
  const value = Number(text)
  if (value < low || value > high) {
    const sunday = text === '7' && names?.[0] === 'sun' ? ' (Sunday is 0 here)' : ''
    throw bad(`is not within ${low}-${high}${sunday}`)
  }
  return value
}
