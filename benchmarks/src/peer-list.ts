import type { Peer } from './peers/peer.ts'
import { beeQueue } from './peers/bee-queue.ts'
import { bullmq } from './peers/bullmq.ts'
import { celery } from './peers/celery.ts'
import { groupmq } from './peers/groupmq.ts'
import { liteque } from './peers/liteque.ts'
import { redisEach } from './peers/redis-each.ts'
import { plainjob } from './peers/plainjob.ts'
import { sqliteRows } from './peers/sqlite-rows.ts'
import { taskiq } from './peers/taskiq.ts'

/** Those that can be measured beside us. */
export const peers: readonly Peer[] = [
  sqliteRows,
  redisEach,
  plainjob,
  liteque,
  bullmq,
  beeQueue,
  groupmq,
  celery,
  taskiq,
]

/** @throws RangeError that lists what is known. */
export function peerOf(name: string): Peer {
  const found = peers.find((peer) => peer.name === name)
  if (found !== undefined) return found
  throw new RangeError(
    `there is no peer '${name}'. Known: ${peers.map((peer) => peer.name).join(', ')}.`,
  )
}
