import { milliseconds, type Duration } from './duration.ts'
import { InvalidInputError } from './errors.ts'
import type { Random } from './random.ts'

/** Milliseconds until the next run, given how many runs have failed so far (1 after the first). */
export type Backoff = (
  failedRuns: number,
  around: { readonly error: unknown; readonly random: Random },
) => number

/** When a failed task runs again. */
export interface RetryOptions {
  /** Runs after the first one. Default 0: none. */
  max?: number | undefined
  /** Time between runs: a fixed one, {@link fixed}, {@link exponential}, or a function of your own. Default 1 s. */
  backoff?: Duration | Backoff | undefined
  /** Retry only errors for which this is true. */
  only?: ((error: unknown) => boolean) | undefined
  /** Never retry errors for which this is true; wins over `only`. */
  unless?: ((error: unknown) => boolean) | undefined
}

/** A retry policy with every choice made. */
export interface RetryPolicy {
  readonly max: number
  readonly backoff: Backoff
  readonly retries: (error: unknown) => boolean
}

/** The same time between all runs, with ±`jitter` of it (0–1) by chance. */
export function fixed(delay: Duration, options?: { jitter?: number | undefined }): Backoff {
  const ms = milliseconds(delay)
  const jitter = fraction(options?.jitter ?? 0)
  return (_failedRuns, { random }) => Math.round(ms * (1 + jitter * (2 * random.next() - 1)))
}

/**
 * `start`, then `factor` (2) times as long after each failed run, at most `max` (1 h). With `jitter`
 * a uniform draw between 0 and that time, so that tasks that failed together do not come back
 * together ("full jitter", AWS Architecture Blog, 2015; also Celery's `retry_jitter`).
 */
export function exponential(
  start: Duration,
  options?: {
    max?: Duration | undefined
    factor?: number | undefined
    jitter?: boolean | undefined
  },
): Backoff {
  const first = milliseconds(start)
  const cap = milliseconds(options?.max ?? '1h')
  const factor = options?.factor ?? 2
  if (!(factor >= 1)) throw new InvalidInputError(`a backoff factor is 1 or more, not ${factor}.`)
  return (failedRuns, { random }) => {
    const full = Math.min(cap, first * factor ** (failedRuns - 1))
    return Math.round(options?.jitter === true ? full * random.next() : full)
  }
}

/**
 * Completes {@link RetryOptions}; `false` is no retry at all.
 * @throws InvalidInputError for a `max` that is not a whole number of 0 or more.
 */
export function retryPolicy(options: RetryOptions | false | undefined): RetryPolicy {
  const { max = 0, backoff = '1s', only, unless } = options === false ? {} : (options ?? {})
  if (!Number.isInteger(max) || max < 0) {
    throw new InvalidInputError(`retry.max is a whole number of 0 or more, not ${String(max)}.`)
  }
  return {
    max,
    backoff: typeof backoff === 'function' ? backoff : fixed(backoff),
    retries: (error) => !(unless?.(error) ?? false) && (only?.(error) ?? true),
  }
}

function fraction(value: number): number {
  if (value >= 0 && value <= 1) return value
  throw new InvalidInputError(`jitter is a fraction between 0 and 1, not ${value}.`)
}
