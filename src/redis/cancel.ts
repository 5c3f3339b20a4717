import type { CancelAnswer } from '../core/transport.ts'
import { deliveriesOf, type Entry } from './entries.ts'
import { askByPlace, placeArguments } from './locate.ts'
import type { RedisStore } from './redis-store.ts'
import { cancelScript } from './scripts/cancel-scripts.ts'

type Answer =
  | string
  | readonly [
      queue: string,
      line: string,
      entries: readonly Entry[],
      counts: readonly number[],
      redeliveries: readonly number[],
      reasons: readonly string[],
    ]

/** Cancels by id. @throws StoreError */
export async function cancel(
  store: RedisStore,
  ids: readonly string[],
  { reason, lease }: { reason: string; lease: number },
): Promise<readonly CancelAnswer[]> {
  const consumer = store.consumer(lease)
  const answers = await askByPlace<Answer>(store, ids, async (pairs, queues) => {
    const { keys, args } = placeArguments(store, pairs, queues)
    const head = [consumer, reason, store.foreignIdle]
    return (await store.run(cancelScript, keys, [...head, ...args])) as readonly Answer[]
  })
  return Promise.all(
    answers.map(async (answer): Promise<CancelAnswer> => {
      if (typeof answer === 'string') return { state: answer === 'running' ? 'running' : 'unknown' }
      const [queue, line, entries, counts, redeliveries, reasons] = answer
      const chunk = { queue, line, entries, counts, redeliveries, reasons }
      const [delivery] = await deliveriesOf(store, [chunk])
      return delivery === undefined ? { state: 'unknown' } : { state: 'waiting', delivery }
    }),
  )
}
