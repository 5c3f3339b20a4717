import { describe, expect, it } from 'vitest'
import {
  DependencyError,
  NonRetryableError,
  RetryRequestedError,
  TaskRejectedError,
} from '../../../src/core/errors.ts'
import type { Labels } from '../../../src/core/labels.ts'
import { seededRandom } from '../../../src/core/random.ts'
import { fixed, retryPolicy, type RetryOptions } from '../../../src/core/retry.ts'
import { failedRunsOf } from '../../../src/broker/failed-runs.ts'
import { decideRetry } from '../../../src/worker/retry-decision.ts'

function decide(error: unknown, policy: RetryOptions | false = {}, labels: Labels = {}) {
  const faults: unknown[] = []
  const decision = decideRetry({
    error,
    labels,
    policy: retryPolicy(policy),
    random: seededRandom(1),
    onPolicyError: (fault) => faults.push(fault),
  })
  return { ...decision, faults }
}

const failure = new Error('x')

describe('a failed run', () => {
  it('is followed by as many others as the policy says, not counting the first', () => {
    expect(decide(failure)).toMatchObject({ kind: 'fail', error: failure })
    expect(decide(failure, false)).toMatchObject({ kind: 'fail' })
    const policy = { max: 2, backoff: '5s' } as const
    expect(decide(failure, policy)).toMatchObject({ kind: 'retry', delay: 5000, failedRuns: 1 })
    expect(decide(failure, policy, { _retries: 1 })).toMatchObject({ kind: 'retry', failedRuns: 2 })
    expect(decide(failure, policy, { _retries: 2 })).toMatchObject({ kind: 'fail' })
    expect(decide(failure, policy, { _retries: 99 })).toMatchObject({ kind: 'fail' })
  })

  it('counts runs as they come from the wire', () => {
    for (const [label, count] of [
      [undefined, 0],
      [2, 2],
      ['2', 2],
      [2n, 2],
      [-1, 0],
      [1.5, 0],
      ['x', 0],
      [true, 0],
    ] as const)
      expect(failedRunsOf(label === undefined ? {} : { _retries: label })).toBe(count)
  })

  it.each<[string, Labels, RetryOptions, string]>([
    ['max_retries counts runs', { max_retries: 2 }, {}, 'retry'],
    ['and wins over the policy', { max_retries: 1 }, { max: 5 }, 'fail'],
    ['also as a text', { max_retries: '3' }, {}, 'retry'],
    ['0 is none', { max_retries: 0 }, { max: 5 }, 'fail'],
    ['nonsense says nothing', { max_retries: 'many' }, { max: 1 }, 'retry'],
    ['retry_on_error forbids', { retry_on_error: false }, { max: 5 }, 'fail'],
    ['as a text of Python', { retry_on_error: 'False' }, { max: 5 }, 'fail'],
    ['or asks for three runs', { retry_on_error: true, _retries: 1 }, {}, 'retry'],
    ['and no more', { retry_on_error: 'True', _retries: 2 }, {}, 'fail'],
    ['unless the policy has more', { retry_on_error: true, _retries: 2 }, { max: 3 }, 'retry'],
  ])('by its labels: %s', (_, labels, policy, kind) => {
    expect(decide(failure, policy, labels).kind).toBe(kind)
  })

  it('asks only and unless, which see what a provider threw', () => {
    const only = { max: 1, only: (error: unknown) => error instanceof RangeError }
    expect(decide(failure, only).kind).toBe('fail')
    const wrapped = new DependencyError('could not make', { cause: new RangeError('in') })
    expect(decide(wrapped, only).kind).toBe('retry')
    expect(decide(wrapped)).toMatchObject({ kind: 'fail', error: wrapped })
    const unless = { max: 1, unless: (error: unknown) => error === failure }
    expect(decide(failure, unless).kind).toBe('fail')
  })

  it('fails at once for a NonRetryableError, of whatever copy of this package', () => {
    expect(decide(new NonRetryableError('no'), { max: 5 }).kind).toBe('fail')
    const foreign = Object.assign(new Error('no'), { code: 'NON_RETRYABLE' })
    expect(decide(foreign, { max: 5 }).kind).toBe('fail')
    expect(decide(new DependencyError('x', { cause: foreign }), { max: 5 }).kind).toBe('fail')
  })

  it('is rejected by ctx.reject, also from a provider', () => {
    const rejected = new TaskRejectedError('not for me')
    expect(decide(rejected, { max: 5 })).toMatchObject({ kind: 'reject', error: rejected })
    expect(decide(new DependencyError('x', { cause: rejected })).kind).toBe('reject')
  })

  it('is repeated by ctx.retry, which asks no predicate but uses up a retry', () => {
    const policy = { max: 1, backoff: '7s', only: () => false } as const
    expect(decide(new RetryRequestedError(50), policy)).toMatchObject({ kind: 'retry', delay: 50 })
    expect(decide(new RetryRequestedError(undefined), policy)).toMatchObject({ delay: 7000 })
    const cause = new Error('why')
    expect(decide(new RetryRequestedError(5, { cause }))).toMatchObject({
      kind: 'fail',
      error: cause,
    })
    const bare = new RetryRequestedError(5)
    expect(decide(bare)).toMatchObject({ kind: 'fail', error: bare })
  })

  it('is repeated though the policy itself is broken, and that is told', () => {
    const thrown = new Error('broken predicate')
    const only = (): boolean => {
      throw thrown
    }
    expect(decide(failure, { max: 1, only })).toMatchObject({ kind: 'retry', faults: [thrown] })
    for (const backoff of [() => Number.NaN, () => -1, only as () => never]) {
      const { faults, ...rest } = decide(failure, { max: 1, backoff })
      expect(rest).toMatchObject({ kind: 'retry', delay: 1000 })
      expect(faults).toHaveLength(1)
    }
  })

  it('waits whole milliseconds, and no longer than a store can count', () => {
    expect(decide(failure, { max: 1, backoff: () => 0.6 })).toMatchObject({ delay: 1 })
    const { delay } = decide(failure, { max: 1, backoff: () => 1e300 }) as { delay?: number }
    expect(delay).toBe(100 * 365 * 86_400_000)
    expect(decide(failure, { max: 1, backoff: fixed('1s', { jitter: 0.5 }) }).kind).toBe('retry')
  })
})
