import { sleep } from '../core/clock.ts'
import { milliseconds } from '../core/duration.ts'
import { InvalidInputError, RateLimitedError, UnsupportedError } from '../core/errors.ts'
import type { RateLimit, RateOptions } from '../core/rate-limit.ts'
import { checkRule, type RateRule, type Rates } from '../core/rates.ts'
import type { BrokerRuntime } from './runtime.ts'
import { shortKey } from './short-key.ts'

/** Reads a rate. @throws InvalidInputError */
export function readRate({ kind = 'bucket', limit, per, burst }: RateOptions): RateRule {
  const rule = { kind, limit, per: milliseconds(per), burst }
  checkRule(rule)
  return rule
}

/** The rates of a broker's store. @throws UnsupportedError */
export function ratesOf({ rates, transport }: BrokerRuntime): Rates {
  if (rates !== undefined) return rates
  throw new UnsupportedError(
    `transport '${transport.name}' keeps no rates: use memory:, sqlite: or redis:.`,
  )
}

/** The name of a rate in the store. */
export function rateKey(name: string, key: string | undefined): string {
  return shortKey(key === undefined ? name : `${name}|${key}`)
}

/**
 * The rate of this name in the broker's `limits`.
 * @throws InvalidInputError where there is none; UnsupportedError
 */
export function rateLimit(
  runtime: BrokerRuntime,
  name: string,
  { key, signal }: { readonly key?: string | undefined; readonly signal?: AbortSignal | undefined },
): RateLimit {
  const rates = ratesOf(runtime)
  const options = runtime.options.limits?.[name]
  if (options === undefined) {
    const known = Object.keys(runtime.options.limits ?? {}).join(', ') || 'none'
    throw new InvalidInputError(
      `there is no limit '${name}': name it in createBroker({ limits: { … } }). Known: ${known}.`,
    )
  }
  const rule = readRate(options)
  const stored = rateKey(name, key)
  const { clock } = runtime.surroundings
  return {
    name,
    async acquire(cost = 1, { wait } = {}) {
      if (!Number.isSafeInteger(cost) || cost < 1)
        throw new InvalidInputError(`a cost is a whole number of 1 or more, not ${cost}.`)
      signal?.throwIfAborted()
      await runtime.start()
      const most = wait === undefined ? Number.MAX_SAFE_INTEGER : milliseconds(wait)
      const answer = await rates.take(stored, { rule, cost, most })
      if (!answer.granted) throw new RateLimitedError(name, answer.wait)
      if (answer.wait > 0) await sleep(clock, answer.wait, { signal })
      signal?.throwIfAborted()
      return answer.wait
    },
    async holdOff(retryAfter) {
      await runtime.start()
      await rates.holdOff(stored, Math.max(0, spanOf(retryAfter, clock.now())))
    },
  }
}

/** Milliseconds until what a Retry-After header says: seconds, or a date. @throws InvalidInputError */
function spanOf(retryAfter: string | number | Date, now: number): number {
  if (retryAfter instanceof Date) return retryAfter.getTime() - now
  const seconds =
    typeof retryAfter === 'number' ? retryAfter : Number(retryAfter.trim() || Number.NaN)
  if (Number.isFinite(seconds)) return seconds * 1000
  const date = Date.parse(String(retryAfter))
  if (!Number.isNaN(date)) return date - now
  throw new InvalidInputError(
    `'${String(retryAfter).slice(0, 80)}' is no Retry-After: seconds, or an HTTP date.`,
  )
}

/** Sets a rate for all processes, or lets the code's hold again. @throws InvalidInputError, UnsupportedError */
export async function setRate(
  runtime: BrokerRuntime,
  name: string,
  { rate, key }: { readonly rate: RateOptions | null; readonly key: string | undefined },
): Promise<void> {
  const rates = ratesOf(runtime)
  await runtime.start()
  await rates.setRule(rateKey(name, key), rate === null ? null : readRate(rate))
}
