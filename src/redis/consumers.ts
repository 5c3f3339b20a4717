/** Consumers of ours whose workers are gone: they hold nothing, and would be listed for ever. */
import { queueArguments } from './claim-batch.ts'
import type { RedisStore } from './redis-store.ts'
import { removeConsumersScript } from './scripts/consumer-script.ts'

/** Removed by one script, at most: its time is bounded, and the rest comes next time. */
const most = 250

/** How long a consumer was idle: so many of its leases, and so many milliseconds at least. */
export interface IdleBound {
  readonly leases: number
  readonly least: number
}

/** Which consumers are removed. */
export interface GoneConsumers {
  /** Those that were idle for so long. */
  readonly idle?: IdleBound | undefined
  /** Those of these names, however short a time ago they asked. */
  readonly named?: readonly string[] | undefined
  /** Milliseconds for which no other process looks; absent: whoever does. */
  readonly alone?: number | undefined
}

/**
 * Removes consumers of ours that hold nothing from queues; how many, or -1 while another process sees to it.
 * One step in Redis: what a consumer claims meanwhile is never dropped. @throws StoreError
 */
export async function removeConsumers(
  store: RedisStore,
  queues: readonly string[],
  { idle, named = [], alone }: GoneConsumers,
): Promise<number> {
  if (queues.length === 0) return 0
  const removed = await store.run(
    removeConsumersScript,
    queues.map((queue) => store.keys.queue(queue).stream),
    [
      ...queueArguments(store, queues),
      alone ?? '',
      ...(idle === undefined ? ['', ''] : [idle.leases, idle.least]),
      most,
      named.length,
      ...named,
    ],
  )
  return Number(removed)
}
