import { RetryRequestedError, isTaskwrightError } from '../core/errors.ts'
import type { Labels } from '../core/labels.ts'
import type { Random } from '../core/random.ts'
import type { RetryPolicy } from '../core/retry.ts'
import { numberLabel } from '../broker/check-labels.ts'
import { failedRunsOf } from '../broker/failed-runs.ts'
import { providerError } from '../dependencies/provider-error.ts'

/** What follows from a failed run. */
export type RetryDecision =
  | { readonly kind: 'retry'; readonly delay: number; readonly failedRuns: number }
  | { readonly kind: 'fail'; readonly error: unknown }
  | { readonly kind: 'reject' | 'skip'; readonly error: Error }

/** What a decision is made from. */
export interface FailedRun {
  readonly error: unknown
  readonly labels: Labels
  readonly policy: RetryPolicy
  readonly random: Random
  /** Told of a predicate or a backoff of the user's that threw. */
  readonly onPolicyError: (error: unknown) => void
}

/** TaskIQ's middleware retries to three runs in all where a message asks for retries and says no more. */
const taskiqRuns = 3

const longestDelay = 100 * 365 * 86_400_000

/**
 * Decides whether a failed run is followed by another. The message's labels win over the task's
 * policy (`max_retries` counts runs, `retry_on_error: false` forbids); `ctx.retry()` uses up a retry
 * like any failure, but asks no predicate.
 */
export function decideRetry(run: FailedRun): RetryDecision {
  const error = providerError(run.error)
  // By code: the class may be that of another copy of this package.
  if (isTaskwrightError(error, 'TASK_REJECTED')) return { kind: 'reject', error }
  if (isTaskwrightError(error, 'TASK_SKIPPED')) return { kind: 'skip', error }
  const failedRuns = failedRunsOf(run.labels) + 1
  const requested = error instanceof RetryRequestedError
  const left = failedRuns <= mostRetries(run)
  const final = isTaskwrightError(error, 'NON_RETRYABLE')
  if (!left || final || (!requested && !retries(run, error))) {
    // What the user threw is what failed: our request around it is only the way it took.
    return { kind: 'fail', error: requested ? (error.cause ?? error) : run.error }
  }
  const delay =
    requested && error.delay !== undefined ? error.delay : backoff(run, failedRuns, error)
  // Stores keep whole milliseconds, and none that lie beyond a century.
  return { kind: 'retry', delay: Math.min(Math.round(delay), longestDelay), failedRuns }
}

function mostRetries({ labels, policy }: FailedRun): number {
  const asked = yesOrNo(labels['retry_on_error'])
  if (asked === false) return 0
  const runs = numberLabel(labels['max_retries'])
  if (runs !== undefined) return Math.max(0, runs - 1)
  if (policy.max > 0) return policy.max
  return asked === true ? taskiqRuns - 1 : 0
}

/** TaskIQ writes it as a boolean or, from its label syntax, as a text. */
function yesOrNo(value: unknown): boolean | undefined {
  const text = String(value).toLowerCase()
  return text === 'true' ? true : text === 'false' ? false : undefined
}

function retries({ policy, onPolicyError }: FailedRun, error: unknown): boolean {
  try {
    return policy.retries(error)
  } catch (thrown) {
    // A broken predicate must not turn a passing fault into a lost task: retry, and say so.
    onPolicyError(thrown)
    return true
  }
}

function backoff(
  { policy, random, onPolicyError }: FailedRun,
  failedRuns: number,
  error: unknown,
): number {
  try {
    const delay = policy.backoff(failedRuns, { error, random })
    if (Number.isFinite(delay) && delay >= 0) return delay
    onPolicyError(
      new RangeError(`a backoff gave ${String(delay)}; it must be milliseconds of 0 or more.`),
    )
  } catch (thrown) {
    onPolicyError(thrown)
  }
  return 1000
}
