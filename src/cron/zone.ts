import { InvalidInputError } from '../core/errors.ts'

/** A stretch of time in which a zone's offset from UTC does not change: `from` ≤ t < `until`. */
interface Stretch {
  readonly from: number
  readonly until: number
  readonly offset: number
}

const day = 86_400_000
/** No zone changes back and forth within so many days: every change is found by looks this far apart. */
const look = 5 * day
/** How far a stretch is followed at once. */
const horizon = 400 * day
/** Stretches that are kept of a zone: some twenty years back and forth. */
const mostStretches = 64

const zones = new Map<string, Zone>()

/**
 * The zone of an IANA name, made once in a process.
 * @throws InvalidInputError for a name that this platform does not know.
 */
export function zoneOf(name: string): Zone {
  let zone = zones.get(name)
  if (zone === undefined) {
    zone = new Zone(name)
    // Names may come from data: what is refused above is not kept, and there are some 600 others.
    zones.set(name, zone)
  }
  return zone
}

/**
 * A time zone as cron needs it: local times as if they were UTC, and the moments at which the clocks
 * change. Built on `Intl`, whose answers are slow (some µs), so stretches without a change are kept.
 */
export class Zone {
  readonly name: string
  readonly #format: Intl.DateTimeFormat | undefined
  #stretches: Stretch[] = []

  constructor(name: string) {
    this.name = name
    if (name === 'UTC') return
    try {
      this.#format = new Intl.DateTimeFormat('en-US', {
        timeZone: name,
        calendar: 'gregory',
        numberingSystem: 'latn',
        hourCycle: 'h23',
        year: 'numeric',
        month: 'numeric',
        day: 'numeric',
        hour: 'numeric',
        minute: 'numeric',
        second: 'numeric',
        era: 'short',
      })
    } catch (error) {
      throw new InvalidInputError(
        `'${name.slice(0, 64)}' is not a time zone: give an IANA name such as 'Europe/Paris'.`,
        { cause: error },
      )
    }
  }

  /** Milliseconds that local time is ahead of UTC at this moment. */
  offset(at: number): number {
    return this.#format === undefined ? 0 : this.#stretch(at).offset
  }

  /** What the clocks of the zone show at this moment, as the milliseconds of a UTC time that reads the same. */
  local(at: number): number {
    return at + this.offset(at)
  }

  /** The first moment after this one at which the clocks change; the end of what was looked at where none does. */
  changeAfter(at: number): number {
    return this.#format === undefined ? Infinity : this.#stretch(at).until
  }

  /**
   * The first moment at which the clocks show this local time. One that they leap over: the moment of
   * the leap.
   */
  moment(local: number): number {
    const before = this.offset(local - day)
    const after = this.offset(local + day)
    if (before === after) return local - before
    const change = this.changeAfter(local - day)
    if (local - before < change) return local - before
    return Math.max(local - after, change)
  }

  #stretch(at: number): Stretch {
    for (const stretch of this.#stretches) {
      if (at >= stretch.from && at < stretch.until) return stretch
    }
    const offset = this.#look(at)
    const stretch = { from: at, until: this.#end(at, offset), offset }
    // The newest first: cron asks for what comes next, again and again.
    this.#stretches = [stretch, ...this.#stretches.slice(0, mostStretches - 1)]
    return stretch
  }

  /** The change that ends the stretch of this moment, or where the look ended. */
  #end(from: number, offset: number): number {
    for (let seen = from; seen < from + horizon; seen += look) {
      if (this.#look(seen + look) !== offset) return this.#change(seen, seen + look)
    }
    return from + horizon
  }

  /** The moment between two with different offsets from which on the first one's is over. To the second. */
  #change(low: number, high: number): number {
    const offset = this.#look(low)
    let [from, to] = [Math.floor(low / 1000), Math.floor(high / 1000)]
    while (to - from > 1) {
      const middle = Math.floor((from + to) / 2)
      if (this.#look(middle * 1000) === offset) from = middle
      else to = middle
    }
    return to * 1000
  }

  #look(at: number): number {
    const second = Math.floor(at / 1000) * 1000
    const parts: Record<string, string> = {}
    for (const { type, value } of this.#format?.formatToParts(second) ?? []) parts[type] = value
    const number = (name: string): number => Number(parts[name])
    const year = parts['era'] === 'BC' ? 1 - number('year') : number('year')
    const local = Date.UTC(2000, number('month') - 1, number('day'), number('hour'))
    const shown = new Date(local)
    shown.setUTCFullYear(year, number('month') - 1, number('day'))
    return shown.getTime() + number('minute') * 60_000 + number('second') * 1000 - second
  }
}
