import type { Delivery } from '../core/delivery.ts'
import { errorData } from '../core/error-data.ts'
import type { Labels } from '../core/labels.ts'
import type { Message } from '../core/message.ts'
import type { ResultRecord } from '../core/result.ts'
import type { DeadReason } from '../core/states.ts'
import type { Ending } from '../broker/finish.ts'
import { cancelledData, deadData } from '../broker/outcome-errors.ts'
import { PostponedError } from '../broker/pipeline/postponed-error.ts'
import type { RegisteredTask } from '../broker/registry.ts'
import type { BrokerRuntime } from '../broker/runtime.ts'
import { decideRetry } from './retry-decision.ts'

/** Which message ends. */
export interface About {
  readonly delivery: Delivery
  /** `undefined` when its bytes could not be read. */
  readonly message: Message | undefined
  readonly task: RegisteredTask | undefined
}

const succeeded: Ending['outcome'] = { kind: 'succeeded' }

/** The handler returned. */
export function succeededEnding(about: About, value: unknown, seconds: number): Ending {
  return {
    claim: about.delivery,
    outcome: succeeded,
    record: recordOf(about, { status: 'succeeded', value, seconds, error: null }),
    task: about.task,
  }
}

/** The message was cancelled, before or while it ran. */
export function cancelledEnding(about: About, reason: string, seconds = 0): Ending {
  const error = cancelledData(reason)
  return {
    claim: about.delivery,
    outcome: { kind: 'cancelled', reason },
    record: recordOf(about, { status: 'cancelled', value: null, seconds, error }),
    task: about.task,
  }
}

/** The message never got a fair run. */
export function deadEnding(
  about: About,
  reason: Exclude<DeadReason, 'failed'>,
  detail: string,
): Ending {
  const error = deadData(reason, detail)
  return {
    claim: about.delivery,
    outcome: { kind: 'setAside', reason, detail },
    record: recordOf(about, { status: 'dead', value: null, seconds: 0, error }),
    task: about.task,
  }
}

/** The handler threw: another run by the retry policy, or the end. */
export function failedRunEnding(
  runtime: BrokerRuntime,
  about: About & { readonly message: Message; readonly task: RegisteredTask },
  failed: { readonly error: unknown; readonly seconds: number },
): Ending {
  const { delivery, message, task } = about
  if (failed.error instanceof PostponedError) {
    const { delay } = failed.error
    return { claim: delivery, outcome: { kind: 'retry', delay, body: delivery.body }, task }
  }
  const { random, logger } = runtime.surroundings
  const decision = decideRetry({
    error: failed.error,
    labels: message.labels,
    policy: runtime.retryPolicyOf(task),
    random,
    onPolicyError: (error) =>
      logger.error('the retry policy of a task threw', { task: task.name, id: message.id, error }),
  })
  if (decision.kind === 'retry') {
    const labels = { ...message.labels, _retries: decision.failedRuns }
    try {
      const body = runtime.codec.encodeMessage({ ...message, labels })
      return { claim: delivery, outcome: { kind: 'retry', delay: decision.delay, body }, task }
    } catch (error) {
      // A message at the very limit of its size has no room for the count of its runs.
      logger.error('a message cannot be retried: it cannot be written again', {
        task: task.name,
        id: message.id,
        error,
      })
      return givenUpEnding(about, failed.error, failed.seconds)
    }
  }
  if (decision.kind === 'skip')
    return cancelledEnding(about, decision.error.message, failed.seconds)
  if (decision.kind === 'reject') return deadEnding(about, 'rejected', decision.error.message)
  return givenUpEnding(about, decision.error, failed.seconds)
}

/** The handler failed for good. */
export function givenUpEnding(about: About, thrown: unknown, seconds: number): Ending {
  const error = errorData(thrown)
  return {
    claim: about.delivery,
    outcome: { kind: 'setAside', reason: 'failed', detail: `${error.name}: ${error.message}` },
    record: recordOf(about, { status: 'failed', value: null, seconds, error }),
    task: about.task,
  }
}

const noLabels: Labels = {}

function recordOf({ message }: About, { status, value, seconds, error }: Facts): ResultRecord {
  return { status, value, executionTime: seconds, labels: message?.labels ?? noLabels, error }
}

type Facts = Pick<ResultRecord, 'status' | 'value' | 'error'> & { readonly seconds: number }
