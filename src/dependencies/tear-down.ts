import { errorData } from '../core/error-data.ts'
import { DependencyError } from '../core/errors.ts'

/** That something failed, and by which error. An object of its own, because anything can be thrown. */
export interface Failure {
  readonly error: unknown
}

/** A value that may have an end. */
export interface HeldValue {
  /** How error messages call it. */
  readonly path: string
  readonly tearDown: ((failure: Failure | undefined) => Promise<void>) | undefined
}

/**
 * Tears values down, the last one first, one after the other, as nested `try … finally` blocks
 * would: each is told of `failure`, or else of the first tear-down that failed before it. All of them
 * run, whatever fails.
 *
 * @throws DependencyError when any fails; its cause is that error, or an `AggregateError` of all. A
 *   generator that lets the error pass that it was told of has not failed.
 */
export async function tearDownAll(
  held: readonly HeldValue[],
  failure: Failure | undefined,
): Promise<void> {
  const failed: { readonly path: string; readonly error: unknown }[] = []
  let told = failure
  for (const { path, tearDown } of held.toReversed()) {
    try {
      await tearDown?.(told)
    } catch (error) {
      if (told !== undefined && error === told.error) continue
      failed.push({ path, error })
      told ??= { error }
    }
  }
  const [first, ...more] = failed
  if (first === undefined) return
  const names = failed.map(({ path }) => `'${path}'`).join(', ')
  throw new DependencyError(`tear-down of ${names} failed: ${errorData(first.error).message}`, {
    cause:
      more.length === 0
        ? first.error
        : new AggregateError(
            failed.map(({ error }) => error),
            `${failed.length} tear-downs failed`,
          ),
  })
}
