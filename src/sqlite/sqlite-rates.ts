import {
  checkRule,
  type RateAnswer,
  type RateAsk,
  type RateRule,
  type Rates,
} from '../core/rates.ts'
import type { SqliteStore } from './sqlite-store.ts'

/** The rates of a store that its transport has opened. */
export class SqliteRates implements Rates {
  readonly #store: SqliteStore

  constructor(store: SqliteStore) {
    this.#store = store
  }

  async take(key: string, ask: RateAsk): Promise<RateAnswer> {
    checkRule(ask.rule)
    return this.#store.call('takeRate', { key, ...ask })
  }

  async setRule(key: string, rule: RateRule | null): Promise<void> {
    if (rule !== null) checkRule(rule)
    await this.#store.call('setRate', { key, rule })
  }

  async holdOff(key: string, ms: number): Promise<void> {
    await this.#store.call('holdOffRate', { key, ms })
  }
}
