import type { RedisArgument } from '../connections/redis/redis-client.ts'
import {
  checkRule,
  mostAtOnce,
  type RateAnswer,
  type RateAsk,
  type RateRule,
  type Rates,
} from '../core/rates.ts'
import type { RedisStore } from './redis-store.ts'
import { holdOffScript, setRateScript, takeRateScript } from './scripts/rate-scripts.ts'
import { wholeMs } from './send.ts'

/** The rates of a store that its transport has opened. */
export class RedisRates implements Rates {
  readonly #store: RedisStore

  constructor(store: RedisStore) {
    this.#store = store
  }

  async take(key: string, { rule, cost, most }: RateAsk): Promise<RateAnswer> {
    checkRule(rule)
    const args = [key, ...ruleArguments(rule), cost, wholeMs(most)]
    const answer = await this.#store.run(takeRateScript, [this.#name(key)], args)
    const [granted, wait] = answer as [number, string]
    return { granted: granted === 1, wait: wait === '' ? Infinity : Number(wait) }
  }

  async setRule(key: string, rule: RateRule | null): Promise<void> {
    if (rule !== null) checkRule(rule)
    const args = rule === null ? [''] : ruleArguments(rule)
    await this.#store.run(setRateScript, [this.#name(key)], [key, ...args])
  }

  async holdOff(key: string, ms: number): Promise<void> {
    await this.#store.run(holdOffScript, [this.#name(key)], [key, wholeMs(ms)])
  }

  #name(key: string): string {
    return `${this.#store.keys.app}rate:${key}`
  }
}

function ruleArguments(rule: RateRule): RedisArgument[] {
  return [rule.kind, rule.limit, rule.per, mostAtOnce(rule)]
}
