import { DependencyError } from '../core/errors.ts'

/**
 * The error that a provider threw, where `error` is the {@link DependencyError} around it; `error`
 * itself otherwise. A retry policy (`only`, `unless`) and the worker look at this one: a provider may
 * throw what a handler may, `ctx.retry()` and `ctx.reject()` included. When several tear-downs
 * failed it is their `AggregateError`.
 */
export function providerError(error: unknown): unknown {
  let inner = error
  // A provider may itself have used a scope. The chain ends: each cause existed before its error,
  // and a user who closes a circle by hand is stopped by the count.
  for (let depth = 0; depth < 16; depth++) {
    if (!(inner instanceof DependencyError) || inner.cause === undefined) return inner
    inner = inner.cause
  }
  return inner
}
