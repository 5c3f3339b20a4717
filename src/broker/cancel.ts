import type { CancelAnswer } from '../core/transport.ts'
import { errorData } from '../core/error-data.ts'
import { TaskCancelledError } from '../core/errors.ts'
import type { Delivery } from '../core/delivery.ts'
import type { Message } from '../core/message.ts'
import { finish } from './finish.ts'
import type { BrokerRuntime } from './runtime.ts'

/** How long a message that was claimed to be cancelled stays ours: only the settle comes between. */
const claimLease = 30_000
const purgeBatch = 200

/** Cancels by id; true where the message will not succeed any more by itself. */
export async function cancelTasks(
  runtime: BrokerRuntime,
  ids: readonly string[],
  reason: string,
): Promise<readonly boolean[]> {
  const answers = await runtime.transport.cancel(ids, { reason, lease: claimLease })
  const waiting = answers.flatMap((answer) => (answer.state === 'waiting' ? [answer.delivery] : []))
  await settleCancelled(runtime, waiting, reason)
  return answers.map((answer: CancelAnswer) => answer.state !== 'unknown')
}

/** Cancels everything that waits in a queue, by claiming and settling it: nothing vanishes untold. */
export async function purgeQueue(runtime: BrokerRuntime, queue: string): Promise<number> {
  const { signal } = new AbortController()
  for (let purged = 0; ;) {
    const deliveries = await runtime.transport.receive({
      queues: [queue],
      room: purgeBatch,
      lease: claimLease,
      signal,
      wait: 0,
      early: true,
    })
    if (deliveries.length === 0) return purged
    await settleCancelled(runtime, deliveries, 'purged')
    purged += deliveries.length
  }
}

/** Ends claimed messages as cancelled, each with a result that says so. */
async function settleCancelled(
  runtime: BrokerRuntime,
  deliveries: readonly Delivery[],
  reason: string,
): Promise<void> {
  if (deliveries.length === 0) return
  const error = errorData(new TaskCancelledError(reason))
  await finish(
    runtime,
    deliveries.map((delivery) => {
      const message = readable(runtime, delivery)
      return {
        claim: delivery,
        outcome: { kind: 'cancelled', reason },
        record: {
          status: 'cancelled',
          value: null,
          executionTime: 0,
          labels: message?.labels ?? {},
          error,
        },
        task: message === undefined ? undefined : runtime.registry.get(message.task),
      }
    }),
  )
}

function readable(runtime: BrokerRuntime, delivery: Delivery): Message | undefined {
  try {
    return runtime.codec.decodeMessage(delivery.body)
  } catch {
    // Malformed bytes can be cancelled too; only their labels are lost to the result.
    return undefined
  }
}
