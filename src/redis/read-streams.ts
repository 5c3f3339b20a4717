import type { RedisArgument } from '../connections/redis/redis-client.ts'
import { replyCode } from '../connections/redis/redis-failure.ts'
import type { RedisLink } from '../connections/redis/redis-link.ts'
import type { Delivery } from '../core/delivery.ts'
import { failpoint } from '../core/failpoint.ts'
import { deliveriesOf, type Chunk, type Entry } from './entries.ts'
import type { RedisStore } from './redis-store.ts'

/** The streams of some queues, as a read names them. */
export interface ReadLines {
  readonly count: number
  /** `STREAMS`, their keys, and for each `>`: what nobody was given. */
  readonly streams: readonly string[]
  readonly byStream: ReadonlyMap<string, { readonly queue: string; readonly line: string }>
}

/** The lines of queues, each named by its letters. */
export function linesToRead(
  store: RedisStore,
  queues: readonly { readonly queue: string; readonly lines: string }[],
): ReadLines {
  const byStream = new Map(
    queues.flatMap(({ queue, lines }) => {
      const { stream, side } = store.keys.queue(queue)
      return lines
        .split('')
        .map((line) => [line === '4' ? stream : `${side}p:${line}`, { queue, line }] as const)
    }),
  )
  const streams = ['STREAMS', ...byStream.keys(), ...Array.from(byStream, () => '>')]
  return { count: byStream.size, streams, byStream }
}

/** What is read, by whom, and how much of it. */
export interface StreamRead {
  readonly lines: ReadLines
  readonly consumer: string
  readonly room: number
  /** Milliseconds for which it waits; absent: it does not. */
  readonly block?: number | undefined
}

/** The arguments of XREADGROUP. COUNT holds for each stream: what comes must have room wherever it comes. */
function readArguments(
  { group }: RedisStore,
  { lines, consumer, room, block }: StreamRead,
): RedisArgument[] {
  const count = countOf(lines, room)
  const waits = block === undefined ? [] : ['BLOCK', Math.max(1, Math.ceil(block))]
  return ['GROUP', group, consumer, 'COUNT', count, ...waits, ...lines.streams]
}

/** What a plain read brought. */
export interface PlainRead {
  readonly chunks: readonly Chunk[]
  /** Cancels are noted: each of these messages may be among them. */
  readonly cancels: boolean
}

/** A read of so many goes off before those that are here are run: Redis and we work at the same time. */
const manyMessages = 32

export const nothingRead: PlainRead = { chunks: [], cancels: false }

/**
 * Reads, and asks in the same piece whether cancels are noted: what is noted later than that was claimed
 * before it was cancelled.
 */
export async function readPlainly(
  link: RedisLink,
  store: RedisStore,
  read: StreamRead,
): Promise<PlainRead> {
  const reading = link.raw('XREADGROUP', readArguments(store, read))
  const noted = link.raw('EXISTS', [`${store.keys.app}cancel`])
  noted.catch(() => {})
  if (read.room >= manyMessages) link.flush()
  try {
    const answer = await reading
    failpoint('redis.read')
    if (answer === null) return nothingRead
    return { chunks: chunksOf(read.lines, answer), cancels: (await noted) === 1 }
  } catch (error) {
    if (isGone(error)) return nothingRead
    throw link.failure(error)
  }
}

/** What was read, with the reasons of those that were cancelled. @throws StoreError */
export async function handOut(
  store: RedisStore,
  { chunks, cancels }: PlainRead,
): Promise<readonly Delivery[]> {
  const deliveries = await deliveriesOf(store, chunks)
  if (!cancels || deliveries.length === 0) return deliveries
  const ids = deliveries.map(({ id }) => id)
  const reasons = (await store.commands.call('HMGET', [
    `${store.keys.app}cancel`,
    ...ids,
  ])) as readonly (string | null)[]
  return deliveries.map((delivery, i) => ({ ...delivery, cancelled: reasons[i] ?? undefined }))
}

function chunksOf({ byStream }: ReadLines, answer: unknown): readonly Chunk[] {
  const streams = answer as readonly (readonly [string, readonly Entry[]])[]
  return streams.map(([stream, entries]): Chunk => {
    const { queue = '', line = '4' } = byStream.get(stream) ?? {}
    return { queue, line, entries, counts: [], redeliveries: [], reasons: [] }
  })
}

/** Whether a stream brought as much as it might: it may have more. */
export function isFull(lines: ReadLines, { chunks }: PlainRead, room: number): boolean {
  return chunks.some(({ entries }) => entries.length >= countOf(lines, room))
}

/** A stream or its group is gone (FLUSHALL, DEL): the next look makes it anew. */
function isGone(error: unknown): boolean {
  const code = replyCode(error)
  return code === 'NOGROUP' || code === 'UNBLOCKED'
}

function countOf({ count }: ReadLines, room: number): number {
  return Math.max(1, Math.floor(room / count))
}
