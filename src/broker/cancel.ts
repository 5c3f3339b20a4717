import type { CancelAnswer, SendStatus } from '../core/transport.ts'
import type { Delivery } from '../core/delivery.ts'
import type { Message } from '../core/message.ts'
import { forgetApart } from './claim-check.ts'
import { finish, type Ending } from './finish.ts'
import { cancelledData } from './outcome-errors.ts'
import type { BrokerRuntime } from './runtime.ts'

/** How long a message that was claimed to be cancelled stays ours: only the settle comes between. */
const claimLease = 30_000
const purgeBatch = 200
/** Milliseconds for which workers are waited for that hold what is cancelled. */
const heardWithin = 1000

/** Cancels by id; true where the message will not succeed any more by itself. */
export async function cancelTasks(
  runtime: BrokerRuntime,
  ids: readonly string[],
  reason: string,
): Promise<readonly boolean[]> {
  const answers = await runtime.claims.claim(
    () => runtime.transport.cancel(ids, { reason, lease: claimLease }),
    claimedBy,
  )
  await Promise.all([
    settleCancelled(runtime, claimedBy(answers), reason),
    tellHolders(
      runtime,
      ids.filter((_, i) => answers[i]?.state === 'running'),
      reason,
    ),
  ])
  return answers.map((answer) => answer.state !== 'unknown')
}

/**
 * Asks workers to answer that they have heard of it, so that what they hold but have not begun does not begin
 * once the cancel is acknowledged. The flag in the store holds by itself: who does not answer in time (he hangs,
 * or is dead) learns of it by that.
 */
async function tellHolders(
  { control, surroundings }: BrokerRuntime,
  ids: readonly string[],
  reason: string,
): Promise<void> {
  if (control === undefined || ids.length === 0) return
  try {
    await control.broadcast({ kind: 'cancel', ids, reason }, { wait: heardWithin })
  } catch (error) {
    surroundings.logger.debug('workers could not be told of a cancel', { error })
  }
}

/**
 * Ends messages that a full limit has dropped, so that their senders find them ended. Where that fails a
 * worker does it: they are stored as cancelled.
 */
export async function endDropped(
  runtime: BrokerRuntime,
  ids: readonly string[],
  statuses: readonly SendStatus[],
): Promise<void> {
  const dropped = ids.filter((_, i) => {
    const status = statuses[i]
    return typeof status === 'object' && 'dropped' in status
  })
  if (dropped.length === 0) return
  try {
    await cancelTasks(runtime, dropped, 'dropped')
  } catch (error) {
    runtime.surroundings.logger.warn('messages that were dropped are left to a worker to end', {
      error,
    })
  }
}

function claimedBy(answers: readonly CancelAnswer[]): readonly Delivery[] {
  return answers.flatMap((answer) => (answer.state === 'waiting' ? [answer.delivery] : []))
}

/** Cancels everything that waits in a queue, by claiming and settling it: nothing vanishes untold. */
export async function purgeQueue(runtime: BrokerRuntime, queue: string): Promise<number> {
  const { signal } = new AbortController()
  for (let purged = 0; ;) {
    const deliveries = await runtime.claims.claim(
      () =>
        runtime.transport.receive({
          queues: [queue],
          room: purgeBatch,
          lease: claimLease,
          signal,
          wait: 0,
          early: true,
        }),
      (claimed) => claimed,
    )
    if (deliveries.length === 0) return purged + (await purgeGated(runtime, queue))
    purged += await settleCancelled(runtime, deliveries, 'purged')
  }
}

/** What waits at a gate cannot be claimed past it: it is cancelled by its id. */
async function purgeGated(runtime: BrokerRuntime, queue: string): Promise<number> {
  const { inspector, transport } = runtime
  if (!transport.capabilities.gates || inspector === undefined) return 0
  let purged = 0
  for (let after: string | undefined; ;) {
    const page = await inspector.peek(queue, { limit: purgeBatch, after })
    const waits = page.filter(({ state }) => state !== 'running').map(({ id }) => id)
    const cancelled = waits.length === 0 ? [] : await cancelTasks(runtime, waits, 'purged')
    purged += cancelled.filter((one) => one).length
    if (page.length < purgeBatch) return purged
    // Those that were cancelled have left: the next page begins behind the last that stays.
    after = page.findLast(({ state }) => state === 'running')?.id ?? after
  }
}

/** Ends claimed messages as cancelled, each with a result that says so; returns how many. */
async function settleCancelled(
  runtime: BrokerRuntime,
  deliveries: readonly Delivery[],
  reason: string,
): Promise<number> {
  if (deliveries.length === 0) return 0
  try {
    const endings = deliveries.map((delivery) => cancelledEnding(runtime, delivery, reason))
    const statuses = await finish(runtime, endings)
    const settled = endings.filter((_, i) => statuses[i] === 'settled')
    await forgetApart(
      runtime,
      settled.map(({ record }) => ({ labels: record?.labels ?? {}, status: 'cancelled' })),
    )
    return settled.length
  } finally {
    runtime.claims.drop(deliveries)
  }
}

function cancelledEnding(runtime: BrokerRuntime, delivery: Delivery, given: string): Ending {
  const message = readable(runtime, delivery)
  // Whoever cancelled it first said why.
  const reason = delivery.cancelled ?? given
  return {
    claim: delivery,
    outcome: { kind: 'cancelled', reason },
    record: {
      status: 'cancelled',
      value: null,
      executionTime: 0,
      labels: message?.labels ?? {},
      error: cancelledData(reason),
    },
    task: message === undefined ? undefined : runtime.taskOf(message.task),
  }
}

function readable(runtime: BrokerRuntime, delivery: Delivery): Message | undefined {
  try {
    return runtime.codec.decodeMessage(delivery.body)
  } catch {
    // Malformed bytes can be cancelled too; only their labels are lost to the result.
    return undefined
  }
}
