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
  /** Those of which the last read brought as much as it asked for. */
  readonly busy: Set<string>
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
  return { count: byStream.size, streams, busy: new Set(), byStream }
}

/** What is read, by whom, and how much of it. */
export interface StreamRead {
  readonly lines: ReadLines
  readonly consumer: string
  readonly room: number
  /** Milliseconds for which it waits; absent: it does not. */
  readonly block?: number | undefined
}

/** One XREADGROUP. Its COUNT holds for each of its streams: what comes must have room wherever it comes. */
interface StreamsRead {
  readonly count: number
  /** As {@link ReadLines} has them. */
  readonly streams: readonly string[]
}

/**
 * The reads that share a room: one of all streams with equal parts; or, where some were busy and others were
 * not, one of each, and the busy ones have most of the room.
 */
function readsOf({ lines, room, block }: StreamRead): readonly StreamsRead[] {
  const { count, streams, busy, byStream } = lines
  const even = Math.max(1, Math.floor(room / count))
  if (block !== undefined || busy.size === 0 || busy.size === count)
    return [{ count: even, streams }]
  const least = Math.max(1, Math.floor(even / 4))
  const most = Math.max(1, Math.floor((room - least * (count - busy.size)) / busy.size))
  return Array.from(byStream.keys(), (stream) => ({
    count: busy.has(stream) ? most : least,
    streams: ['STREAMS', stream, '>'],
  }))
}

function readArguments(
  { group }: RedisStore,
  { consumer, block }: StreamRead,
  { count, streams }: StreamsRead,
): RedisArgument[] {
  const waits = block === undefined ? [] : ['BLOCK', Math.max(1, Math.ceil(block))]
  return ['GROUP', group, consumer, 'COUNT', count, ...waits, ...streams]
}

/** What a plain read brought. */
export interface PlainRead {
  readonly chunks: readonly Chunk[]
  /** Cancels are noted: each of these messages may be among them. */
  readonly cancels: boolean
  /** A stream brought as much as it might: it may have more. */
  readonly full: boolean
  /** The take-back count when it was read, where that was asked for; see `known-start.ts`. */
  readonly takenBack?: number | undefined
}

/**
 * A read of so many goes off before those that are here are run, and one of a single message before the end of the
 * last one is written down: Redis and we work at the same time.
 */
const manyMessages = 32

export const nothingRead: PlainRead = { chunks: [], cancels: false, full: false }

/**
 * Reads, and asks in the same piece whether cancels are noted: what is noted later than that was claimed
 * before it was cancelled.
 */
export async function readPlainly(
  link: RedisLink,
  store: RedisStore,
  read: StreamRead,
): Promise<PlainRead> {
  const reads = readsOf(read)
  const readings = reads.map((one) =>
    answered(link, link.raw('XREADGROUP', readArguments(store, read, one))),
  )
  const noted = link.raw('EXISTS', [`${store.keys.app}cancel`])
  noted.catch(() => {})
  const counted = store.runsSteps ? link.raw('GET', [`${store.keys.app}wf:back`]) : undefined
  counted?.catch(() => {})
  const alone = read.room === 1 && read.block === undefined
  if (read.room >= manyMessages || alone) link.flush()
  if (alone) link.stayAwake()
  const [first] = readings
  // Where one fails, what others have claimed is found as what was lost.
  const answers = readings.length === 1 ? [await first] : await Promise.all(readings)
  failpoint('redis.read')
  const { lines } = read
  lines.busy.clear()
  const chunks = answers.flatMap((answer, i) => chunksOf(lines, answer ?? [], reads[i]?.count ?? 0))
  if (chunks.length === 0) return nothingRead
  try {
    const cancels = (await noted) === 1
    const takenBack = counted === undefined ? undefined : Number((await counted) ?? 0)
    return { chunks, cancels, full: lines.busy.size > 0, takenBack }
  } catch (error) {
    throw link.failure(error)
  }
}

/** Entries of one stream, as XREADGROUP answers them. */
export type StreamEntries = readonly [stream: string, entries: readonly Entry[]]

/** What XREADGROUP answers: by stream, entries; `null` where there is nothing, or no stream or group any more. */
type StreamsAnswer = readonly StreamEntries[] | null

async function answered(link: RedisLink, reading: Promise<unknown>): Promise<StreamsAnswer> {
  try {
    return (await reading) as StreamsAnswer
  } catch (error) {
    // FLUSHALL, DEL: the next look makes it anew.
    if (isGone(error)) return null
    throw link.failure(error)
  }
}

/** What was read, with the reasons of those that were cancelled. @throws StoreError */
export async function handOut(
  store: RedisStore,
  { chunks, cancels, takenBack }: PlainRead,
): Promise<readonly Delivery[]> {
  const deliveries = await deliveriesOf(store, chunks, takenBack)
  if (!cancels || deliveries.length === 0) return deliveries
  const ids = deliveries.map(({ id }) => id)
  const reasons = (await store.commands.call('HMGET', [
    `${store.keys.app}cancel`,
    ...ids,
  ])) as readonly (string | null)[]
  return deliveries.map((delivery, i) => ({ ...delivery, cancelled: reasons[i] ?? undefined }))
}

function chunksOf(
  { byStream, busy }: ReadLines,
  answer: NonNullable<StreamsAnswer>,
  count: number,
): readonly Chunk[] {
  for (const [stream, entries] of answer) if (entries.length >= count) busy.add(stream)
  return newChunks(byStream, answer)
}

/** Entries that were never claimed before. */
export function newChunks(
  byStream: ReadLines['byStream'],
  answer: readonly StreamEntries[],
): readonly Chunk[] {
  return answer.map(([stream, entries]): Chunk => {
    const { queue = '', line = '4' } = byStream.get(stream) ?? {}
    return { queue, line, entries, counts: [], redeliveries: [], reasons: [] }
  })
}

/** A stream or its group is gone, or the read was ended. */
function isGone(error: unknown): boolean {
  const code = replyCode(error)
  return code === 'NOGROUP' || code === 'UNBLOCKED'
}
