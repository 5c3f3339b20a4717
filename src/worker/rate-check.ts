import { numberLabel } from '../broker/check-labels.ts'
import type { Ending } from '../broker/finish.ts'
import { gateKey } from '../broker/gate-policy.ts'
import { ratesOf } from '../broker/rate-limits.ts'
import type { BrokerRuntime } from '../broker/runtime.ts'
import type { Runnable } from './admission.ts'
import { deadEnding } from './endings.ts'
import { calledWith } from './fetch-arguments.ts'
import type { Run } from './run.ts'

/** The label of a message whose turn has been granted for later. */
const turnLabel = 'tw_rate_at'
/** Milliseconds after its turn for which a message needs no new one. */
const grace = 5000

/** What may run now; or how its message goes back until its turn. */
export type RateVerdict = { readonly runnable: Runnable } | { readonly ending: Ending }

/**
 * Asks for the turn of a task with a rate. A message whose turn is later goes back into the store with it,
 * and is bound by no other: it is claimed twice in all. One that comes long after its turn (nobody worked
 * meanwhile) asks again, so that what has gathered does not start at once.
 */
export async function checkRate(
  runtime: BrokerRuntime,
  run: Run,
  runnable: Runnable,
): Promise<RateVerdict> {
  const { message, task } = runnable
  const { rate } = task
  if (rate === undefined) return { runnable }
  const now = runtime.surroundings.clock.now()
  const { [turnLabel]: turn, ...labels } = message.labels
  const at = numberLabel(turn)
  const fresh = { ...message, labels }
  if (at !== undefined && now - at < grace) return { runnable: { message: fresh, task } }
  const { message: called } = calledWith(run, runnable)
  const args = task.input === undefined ? called.args : [called.kwargs]
  const key = gateKey(task, { name: 'rate', key: rate.key?.(...(args as never[])) })
  const { granted, wait } = await ratesOf(runtime).take(key, {
    rule: rate.rule,
    cost: 1,
    most: Number.MAX_SAFE_INTEGER,
  })
  if (!granted) {
    const about = { delivery: run.delivery, message, task }
    return { ending: deadEnding(about, 'rejected', `the rate of task '${task.name}' allows none`) }
  }
  if (wait <= 0) return { runnable: { message: fresh, task } }
  const delay = Math.ceil(wait)
  const body = runtime.codec.encodeMessage({
    ...message,
    labels: { ...labels, [turnLabel]: now + delay },
  })
  return { ending: { claim: run.delivery, outcome: { kind: 'retry', delay, body }, task } }
}
