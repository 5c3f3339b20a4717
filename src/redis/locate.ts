import type { RedisArgument } from '../connections/redis/redis-client.ts'
import { queueArguments } from './claim-batch.ts'
import type { RedisStore } from './redis-store.ts'
import { search } from './search.ts'

/**
 * Asks a script about ids, whose answers depend on where each message is: first with what the index
 * knows, then, for those of which it knows nothing, with what a search finds.
 *
 * `ask` is called with ids and places (line|entry|queue, or '') and the queues as scripts read them; an
 * answer `again <queue>` means that the queue was not among them.
 */
export async function askByPlace<T>(
  store: RedisStore,
  ids: readonly string[],
  ask: (pairs: readonly RedisArgument[], queues: readonly string[]) => Promise<readonly T[]>,
): Promise<readonly T[]> {
  const queues = new Set(store.seen().map(({ queue }) => queue))
  const answers = new Map<string, T>()
  let places = new Map<string, string>()
  let open: readonly string[] = [...new Set(ids)]
  // Three times: with what is known, with the queues that were missing, with what was searched for.
  for (let searched = false; open.length > 0;) {
    const pairs = open.flatMap((id) => [id, places.get(id) ?? ''])
    const got = await ask(pairs, [...queues])
    const again: string[] = []
    const unknown: string[] = []
    for (const [i, id] of open.entries()) {
      const answer = got[i] as T
      if (typeof answer === 'string' && answer.startsWith('again ')) {
        queues.add(answer.slice('again '.length))
        again.push(id)
      } else if (answer === '' && !searched) unknown.push(id)
      else answers.set(id, answer)
      if (answer === '') answers.set(id, answer)
    }
    if (again.length > 0) {
      open = [...again, ...unknown]
      continue
    }
    if (searched || unknown.length === 0) break
    searched = true
    const found = await search(store, unknown)
    places = new Map(
      [...found].map(([id, { line, entry, queue }]) => [id, `${line}|${entry}|${queue}`]),
    )
    for (const { queue } of found.values()) queues.add(queue)
    open = unknown.filter((id) => found.has(id))
  }
  return ids.map((id) => answers.get(id) as T)
}

/** The arguments of such a script after its own. */
export function placeArguments(
  store: RedisStore,
  pairs: readonly RedisArgument[],
  queues: readonly string[],
): { keys: string[]; args: RedisArgument[] } {
  return {
    keys: queues.map((queue) => store.keys.queue(queue).stream),
    args: [pairs.length / 2, ...pairs, ...queueArguments(store, queues)],
  }
}
