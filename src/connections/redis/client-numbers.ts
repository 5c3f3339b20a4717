import type { RedisClient } from './redis-client.ts'
import type { RedisLink } from './redis-link.ts'

/**
 * The numbers by which servers know a connection, so that another one can end what blocks on it. On a
 * cluster a client has a connection to each node, and each node has its own number for it.
 */
export type ClientNumbers = ReadonlyMap<string, number>

/** Asks for them. @throws StoreError */
export async function clientNumbers(link: RedisLink): Promise<ClientNumbers> {
  const nodes = nodesOf(link.client)
  if (nodes === undefined) return new Map([['', Number(await link.call('CLIENT', ['ID']))]])
  try {
    return new Map(
      await Promise.all(
        [...nodes].map(
          async ([place, node]) => [place, Number(await node.call('CLIENT', 'ID'))] as const,
        ),
      ),
    )
  } catch (error) {
    throw link.failure(error)
  }
}

/** Ends what blocks under these numbers, by way of another connection. Whether it did is told by what was blocked. */
export async function unblock(link: RedisLink, numbers: ClientNumbers): Promise<void> {
  const nodes = nodesOf(link.client)
  await Promise.allSettled(
    [...numbers].map(async ([place, number]) =>
      nodes === undefined
        ? link.call('CLIENT', ['UNBLOCK', number])
        : await nodes.get(place)?.call('CLIENT', 'UNBLOCK', number),
    ),
  )
}

/** The nodes of a cluster that take writes; `undefined` where there is only one server. */
function nodesOf(client: RedisClient): ReadonlyMap<string, RedisClient> | undefined {
  const nodes = client.nodes?.('master')
  return (
    nodes &&
    new Map(
      nodes.map((node) => [`${String(node.options?.host)}:${String(node.options?.port)}`, node]),
    )
  )
}
