import { createRequire } from 'node:module'
import type * as Croner from 'croner'
import { InvalidInputError } from '../core/errors.ts'
import type { CronDialect } from '../core/schedule-line.ts'
import { readCron } from './cron-dialects.ts'
import { zoneOf, type Zone } from './zone.ts'

// Loaded when a task has a schedule: `import 'taskwright'` loads no package.
const require = createRequire(import.meta.url)

/**
 * Lines that are kept: a hundred thousand plans share a few of them. As many as plans are likely to have must fit:
 * plans that are read in turn would find none of a smaller number. Each takes about 3 kB.
 */
const mostLines = 8192
const lines = new Map<string, CronLine>()

/**
 * A compiled cron line. The same text is compiled once.
 * @throws InvalidInputError when it cannot be read, or never comes round.
 */
export function cronLine(
  text: string,
  timezone: string = 'UTC',
  dialect: CronDialect = 'taskwright',
): CronLine {
  // Neither a zone nor a dialect has a line feed.
  const key = `${dialect}\n${timezone}\n${text}`
  const known = lines.get(key)
  if (known !== undefined) return known
  const line = new CronLine(text, timezone, dialect)
  if (lines.size >= mostLines) lines.delete(lines.keys().next().value ?? '')
  lines.set(key, line)
  return line
}

/**
 * croner keeps 10,000 years in each line, 80 kB, of which a line of five or six fields allows all: one list does for
 * all of them. Where croner has no such list (it is not of its interface), each keeps what it has.
 */
let allYears: readonly number[] | undefined

function shareYears(cron: Croner.Cron): void {
  const { pattern } = (cron as unknown as { _states: { pattern?: { year?: readonly number[] } } })
    ._states
  if (pattern?.year === undefined) return
  allYears ??= Object.freeze(pattern.year)
  pattern.year = allYears
}

/**
 * When a cron line comes round in a time zone, by these rules where clocks are changed:
 *
 * - A line that names its hours (`30 2 * * *`) means times of day. One that the clocks leap over comes at
 *   the leap, once however many they are; one that they show twice comes the first time.
 * - A line that does not (`*\/30 * * * *`) follows real time: what the clocks leap over is left out, what
 *   they show twice comes twice.
 *
 * croner finds the local times; the zone says when they are. Its search is bounded: for a date that does
 * not exist (31 February) it ends without one.
 */
export class CronLine {
  readonly #cron: Croner.Cron
  readonly #zone: Zone
  readonly #namesHours: boolean
  /** The last answer: plans that share a line ask for the same. */
  #asked = Number.NaN
  #answer: number | null = null

  constructor(text: string, timezone: string, dialect: CronDialect) {
    const { pattern, bothDays, namesHours } = readCron(text, dialect)
    this.#zone = zoneOf(timezone)
    this.#namesHours = namesHours
    const { Cron } = require('croner') as typeof Croner
    try {
      this.#cron = new Cron(pattern, {
        paused: true,
        utcOffset: 0,
        domAndDow: bothDays,
        mode: '5-or-6-parts',
      })
    } catch (error) {
      const why = (error as Error).message.replace(/^CronPattern: /, '')
      throw new InvalidInputError(`'${text}' is not a cron line: ${why}`, { cause: error })
    }
    shareYears(this.#cron)
    if (this.#localAfter(0) === null) throw new InvalidInputError(`'${text}' never comes round.`)
  }

  /** The first time after this moment (milliseconds since 1970); `null` when there is none. */
  next(after: number): number | null {
    if (after !== this.#asked) {
      this.#answer = this.#namesHours ? this.#nextTimeOfDay(after) : this.#nextBeat(after)
      this.#asked = after
    }
    return this.#answer
  }

  #nextTimeOfDay(after: number): number | null {
    // Local times are in the order of their moments, so the first that lies after is the one.
    let local = this.#localAfter(this.#zone.local(after))
    while (local !== null) {
      const at = this.#zone.moment(local)
      if (at > after) return at
      local = this.#localAfter(local)
    }
    return null
  }

  #nextBeat(after: number): number | null {
    let [from, offset] = [this.#zone.local(after), this.#zone.offset(after)]
    let change = this.#zone.changeAfter(after)
    for (;;) {
      const local = this.#localAfter(from)
      if (local === null) return null
      if (local - offset < change) return local - offset
      // The clocks are changed before: go on from what they show then, that moment included.
      offset = this.#zone.offset(change)
      from = change + offset - 1
      change = this.#zone.changeAfter(change)
    }
  }

  #localAfter(local: number): number | null {
    return this.#cron.nextRun(new Date(local))?.getTime() ?? null
  }
}
