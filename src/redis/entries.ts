import type { Delivery } from '../core/delivery.ts'
import { isId } from '../core/ids.ts'
import type { Body } from '../core/message.ts'
import { tokenHead } from './claim-token.ts'
import { knownStart, type StartNote } from './known-start.ts'
import { priorityOfLine } from './line-priority.ts'
import type { RedisStore } from './redis-store.ts'
import { fromWire, isDoubtful } from './wire-body.ts'

/** An entry of a stream as Redis answers it: its id, and names and values by turns. */
export type Entry = readonly [id: string, fields: readonly string[]]

/** Entries of one line that were claimed; the lists are empty for entries that were never claimed before. */
export interface Chunk {
  readonly queue: string
  readonly line: string
  readonly entries: readonly Entry[]
  readonly counts: readonly number[]
  readonly redeliveries: readonly number[]
  readonly reasons: readonly string[]
}

/**
 * Turns claimed entries into deliveries. Bodies that may be bytes are read once more, as bytes. With the take-back count
 * at the claim: what steps of workflows say of their start.
 */
export async function deliveriesOf(
  store: RedisStore,
  chunks: readonly Chunk[],
  takenBack?: number,
): Promise<Delivery[]> {
  const deliveries: Delivery[] = []
  const doubtful: { readonly place: number; readonly chunk: Chunk; readonly entry: string }[] = []
  for (const chunk of chunks) {
    const of = factsOf(store, chunk, takenBack)
    for (const entry of chunk.entries) {
      const delivery = deliveryOf(store, entry, of)
      if (typeof delivery.body === 'string' && isDoubtful(delivery.body))
        doubtful.push({ place: deliveries.length, chunk, entry: entry[0] })
      deliveries.push(delivery)
      of.i++
    }
  }
  if (doubtful.length === 0) return deliveries
  await Promise.all(
    doubtful.map(async ({ place, chunk, entry }) => {
      const delivery = deliveries[place]
      if (delivery === undefined) return
      const { stream, side } = store.keys.queue(chunk.queue)
      const line = chunk.line === '4' ? stream : `${side}p:${chunk.line}`
      const body = await exactBody(store, line, entry)
      if (body === undefined) return
      const nameless = delivery.id === namelessId(entry)
      const id = nameless ? (store.idOf(body) ?? delivery.id) : delivery.id
      deliveries[place] = { ...delivery, id, body }
    }),
  )
  return deliveries
}

/** What the entries of a chunk have in common, and which of them is next. */
interface ChunkFacts {
  readonly chunk: Chunk
  readonly number: number
  /** Of a first claim, as most are. */
  readonly firstHead: string
  readonly priority: number
  readonly takenBack: number | undefined
  i: number
}

function factsOf(store: RedisStore, chunk: Chunk, takenBack: number | undefined): ChunkFacts {
  const number = store.number(chunk.queue)
  const firstHead = tokenHead(number, { line: chunk.line, count: 1 })
  return { chunk, number, firstHead, priority: priorityOfLine(chunk.line), takenBack, i: 0 }
}

function deliveryOf(store: RedisStore, [entry, fields]: Entry, of: ChunkFacts): Delivery {
  const { chunk, number, firstHead, i } = of
  let body = ''
  let id: string | undefined
  let enqueuedAt = Number.parseInt(entry, 10)
  let { priority } = of
  let expires: number | undefined
  let start: string | undefined
  let input: string | undefined
  for (let f = 0; f < fields.length; f += 2) {
    const value = fields[f + 1] ?? ''
    switch (fields[f]) {
      case 'data':
        body = value
        break
      case 'i':
        id = value
        break
      case 'e':
        enqueuedAt = Number(value)
        break
      case 'p':
        priority = priorityOfLine(value)
        break
      case 'x':
        expires = Number(value)
        break
      case 'w':
        start = value
        break
      case 'v':
        input = value
        break
      default: // Fields of others are left alone.
    }
  }
  const reason = chunk.reasons[i]
  const count = chunk.counts[i] ?? 1
  const head = count === 1 ? firstHead : tokenHead(number, { line: chunk.line, count })
  return {
    id: id ?? idInBody(body) ?? store.idOf(body) ?? namelessId(entry),
    queue: chunk.queue,
    token: head + entry,
    priority,
    body,
    redeliveries: chunk.redeliveries[i] ?? 0,
    enqueuedAt,
    expires,
    cancelled: reason === '' ? undefined : reason,
    start: start === undefined ? undefined : startOf(store, { start, input }, of.takenBack),
  }
}

function startOf(store: RedisStore, note: StartNote, takenBack: number | undefined) {
  // From now on reads ask for the count.
  store.runsSteps = true
  return knownStart(note, { takenBack, at: store.around.clock.monotonic() })
}

/** The body of an entry, read as bytes; `undefined` where it is gone. */
export async function exactBody(
  store: RedisStore,
  stream: string,
  entry: string,
): Promise<Body | undefined> {
  const found = (await store.commands.callBytes('XRANGE', [stream, entry, entry])) as
    | readonly [Buffer, readonly Buffer[]][]
    | undefined
  const fields = found?.[0]?.[1] ?? []
  const at = fields.findIndex((name, i) => i % 2 === 0 && name.toString() === 'data')
  const data = fields[at + 1]
  return at < 0 || data === undefined ? undefined : fromWire(data)
}

/** The id of a message in whose bytes nobody finds one. */
export function namelessId(entry: string): string {
  return `entry-${entry}`
}

const ourHead = '{"task_id":"'
const pythonHead = '{"task_id": "'

/** The id where every TaskIQ message in JSON has it: at its beginning. */
export function idInBody(body: Body): string | undefined {
  if (typeof body !== 'string') return undefined
  const from = body.startsWith(ourHead)
    ? ourHead.length
    : body.startsWith(pythonHead)
      ? pythonHead.length
      : undefined
  if (from === undefined) return undefined
  const id = body.slice(from, body.indexOf('"', from))
  return isId(id) ? id : undefined
}

/** Whether it is {@link idInBody}, told without taking it out. */
export function hasIdInBody(id: string, body: string): boolean {
  const from = ourHead.length
  return body.startsWith(ourHead) && body.startsWith(id, from) && body[from + id.length] === '"'
}
