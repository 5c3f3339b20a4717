import type { Clock } from '../core/clock.ts'
import {
  checkRule,
  freshRate,
  mostAtOnce,
  nextSlot,
  type RateAnswer,
  type RateAsk,
  type RateRule,
  type Rates,
  type RateState,
} from '../core/rates.ts'

interface Kept {
  state: RateState
  /** Set at run time. */
  rule: RateRule | undefined
  /** When what went went, oldest first. */
  moments: number[]
}

/** Above so many keys, those that say nothing any more are dropped now and then. */
const tolerated = 1000

/** The rates of a memory store. */
export class MemoryRates implements Rates {
  readonly #keys: Map<string, Kept>
  readonly #clock: Clock

  constructor(keys: Map<string, Kept>, clock: Clock) {
    this.#keys = keys
    this.#clock = clock
  }

  async take(key: string, { rule: given, cost, most }: RateAsk): Promise<RateAnswer> {
    const now = this.#clock.now()
    const kept = this.#kept(key)
    const rule = kept.rule ?? given
    checkRule(rule)
    if (cost > mostAtOnce(rule)) return { granted: false, wait: Infinity }
    const { moments } = kept
    const earlier = (before: number): number => moments.at(-1 - before) ?? 0
    const next = nextSlot(kept.state, { rule, cost }, { now, earlier })
    const wait = next.at - now
    if (wait > most) return { granted: false, wait }
    kept.state = next.state
    if (rule.kind === 'sliding') {
      for (let i = 0; i < cost; i++) moments.push(next.at)
      if (moments.length > 2 * rule.limit) kept.moments = moments.slice(-rule.limit)
    }
    return { granted: true, wait }
  }

  async setRule(key: string, rule: RateRule | null): Promise<void> {
    if (rule !== null) checkRule(rule)
    this.#kept(key).rule = rule ?? undefined
  }

  async holdOff(key: string, ms: number): Promise<void> {
    const kept = this.#kept(key)
    const until = Math.max(kept.state.until, this.#clock.now() + ms)
    kept.state = { ...kept.state, until }
  }

  #kept(key: string): Kept {
    let kept = this.#keys.get(key)
    if (kept === undefined) {
      if (this.#keys.size >= tolerated) this.#clean()
      this.#keys.set(key, (kept = { state: freshRate, rule: undefined, moments: [] }))
    }
    return kept
  }

  #clean(): void {
    const now = this.#clock.now()
    for (const [key, { state, rule, moments }] of this.#keys) {
      const { tat, window, until } = state
      const busy = Math.max(tat, window + 86_400_000, until, (moments.at(-1) ?? 0) + 86_400_000)
      if (rule === undefined && busy < now) this.#keys.delete(key)
    }
  }
}

/** Where the rates of a store are kept. */
export type RateKeys = Map<string, Kept>
