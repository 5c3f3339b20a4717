import { replyCode } from '../connections/redis/redis-failure.ts'
import type { Delivery } from '../core/delivery.ts'
import type { PageRequest, StoredMessage } from '../core/inspector.ts'
import { PagePlaces } from '../core/page-places.ts'
import { compareEntries } from './claim-token.ts'
import { deliveriesOf, type Entry } from './entries.ts'
import { atGates, laterPlace, putOff, type GatePlace, type LaterPlace } from './peek-later.ts'
import type { RedisStore } from './redis-store.ts'
import { allLines, search } from './search.ts'

/** Entries of a line that are read at once: one call is to take Redis a fraction of a millisecond. */
const readAtOnce = 100

/** An entry of a line of the queue. */
interface LinePlace {
  readonly in: 'lines'
  readonly line: string
  readonly entry: string
}

/** Where a message was when it was seen; a page goes on behind it, also when the message has left. */
type Place = LinePlace | GatePlace | LaterPlace

interface Placed {
  readonly place: Place
  readonly message: StoredMessage
}

/** What somebody holds; `since` is when his lease was taken or renewed. */
interface Pending {
  readonly entry: string
  readonly consumer: string
  readonly since: number
  readonly count: number
}

/**
 * Pages of what is in a queue, without claiming any of it. What a page costs depends on its size alone: it
 * begins where the page before it ended, and nothing before that is read.
 */
export class QueuePages {
  readonly #store: RedisStore
  readonly #places = new PagePlaces<Place>()
  /** Of those that are put off: what came back has a place of its own by its time. */
  readonly #times = new PagePlaces<LaterPlace>()

  constructor(store: RedisStore) {
    this.#store = store
  }

  /**
   * What is in the lines in the order of its entries, then what waits at gates, then what is put off, by
   * its time.
   * @throws StoreError
   */
  async peek(queue: string, { limit, after }: PageRequest): Promise<readonly StoredMessage[]> {
    const from = after === undefined ? undefined : await this.#placeOf(queue, after)
    const found: Placed[] = []
    if (from === undefined || from.in === 'lines')
      found.push(...(await inLines(this.#store, { queue, from, limit })))
    if (found.length < limit && from?.in !== 'later') {
      const behind = from?.in === 'gates' ? from : undefined
      const rest = limit - found.length
      found.push(...(await atGates(this.#store, { queue, from: behind, limit: rest })))
    }
    if (found.length < limit) {
      const behind = from?.in === 'later' ? from : undefined
      const rest = limit - found.length
      found.push(...(await putOff(this.#store, { queue, from: behind, limit: rest })))
    }
    const last = found.at(-1)
    if (last !== undefined) this.#places.note(queue, last.message.id, last.place)
    return found.map(({ message }) => message)
  }

  /** What is not due yet, by its time. @throws StoreError */
  async scheduled(queue: string, { limit, after }: PageRequest): Promise<readonly StoredMessage[]> {
    const from = after === undefined ? undefined : await this.#timeOf(queue, after)
    const found = await putOff(this.#store, { queue, from, limit, isDueLeftOut: true })
    const last = found.at(-1)
    if (last !== undefined) this.#times.note(queue, last.message.id, last.place)
    return found.map(({ message }) => message)
  }

  async #timeOf(queue: string, id: string): Promise<LaterPlace | undefined> {
    const noted = this.#times.of(queue, id)
    if (noted !== undefined) return noted
    const place = await laterPlace(this.#store, queue, id)
    return place?.in === 'later' ? place : undefined
  }

  /** Where a page goes on; from the start where nobody knows the message, so that none is missed. */
  async #placeOf(queue: string, id: string): Promise<Place | undefined> {
    const seen = this.#places.of(queue, id)
    if (seen !== undefined) return seen
    const place = await laterPlace(this.#store, queue, id)
    if (place !== undefined) return place
    const { commands, keys } = this.#store
    const known = (await commands.call('HGET', [`${keys.app}ids`, id])) as string | null
    const [, line, entry, name] = /^q\|(\w)\|([^|]*)\|(.*)$/s.exec(known ?? '') ?? []
    if (line !== undefined && entry !== undefined && name === queue)
      return { in: 'lines', line, entry }
    const found = (await search(this.#store, [id], [queue])).get(id)
    return found === undefined ? undefined : { in: 'lines', line: found.line, entry: found.entry }
  }
}

async function inLines(
  store: RedisStore,
  { queue, from, limit }: { queue: string; from: LinePlace | undefined; limit: number },
): Promise<readonly Placed[]> {
  const lines = await allLines(store, [queue])
  const found = await Promise.all(
    lines.map(async ({ line, stream }) => {
      // Of two entries of one name the one in the better line comes first.
      const start =
        from === undefined ? '-' : line < from.line ? from.entry : (`(${from.entry}` as const)
      return ofLine(store, { queue, line, stream, start, limit })
    }),
  )
  return found
    .flat()
    .sort(
      (a, b) =>
        compareEntries(a.place.entry, b.place.entry) || (a.place.line < b.place.line ? 1 : -1),
    )
    .slice(0, limit)
}

interface LineAsk {
  readonly queue: string
  readonly line: string
  readonly stream: string
  /** As XRANGE reads it. */
  readonly start: string
  readonly limit: number
}

type PlacedInLine = Placed & { readonly place: LinePlace }

/**
 * First what was handed out and has not ended, then what was never handed out. What lies between is not
 * read: Python acknowledges its entries and leaves them where they are.
 */
async function ofLine(store: RedisStore, ask: LineAsk): Promise<readonly PlacedInLine[]> {
  const last = await lastHandedOut(store, ask.stream)
  const found = last === undefined ? [] : await handedOut(store, ask, last)
  const behind = startBehind(ask.start, last)
  for (let start = behind; found.length < ask.limit;) {
    const count = Math.min(readAtOnce, ask.limit - found.length)
    const range = [ask.stream, start, '+', 'COUNT', count]
    const entries = (await store.commands.call('XRANGE', range)) as readonly Entry[]
    const deliveries = await read(store, ask, entries)
    for (const [i, [entry]] of entries.entries()) {
      const delivery = deliveries[i]
      if (delivery === undefined) continue
      found.push(placed(ask, entry, { ...seen(delivery), state: 'queued', redeliveries: 0 }))
    }
    const final = entries.at(-1)
    if (final === undefined || entries.length < count) break
    start = `(${final[0]}`
  }
  return found
}

async function handedOut(store: RedisStore, ask: LineAsk, last: string): Promise<PlacedInLine[]> {
  const { commands, group } = store
  const found: PlacedInLine[] = []
  for (let start = ask.start; found.length < ask.limit;) {
    const count = Math.min(readAtOnce, ask.limit - found.length)
    // Asked at once: how long they have been idle is true for the moment of the answer.
    const [answer, now] = await Promise.all([
      commands.call('XPENDING', [ask.stream, group, start, last, count]),
      timeOf(store),
    ])
    const page = (answer as readonly (readonly [string, string, number, number])[]).map(
      ([entry, consumer, idle, times]): Pending => ({
        entry,
        consumer,
        since: now - idle,
        count: times,
      }),
    )
    const [bodies, lost] = await Promise.all([
      Promise.all(
        page.map(({ entry }) => commands.call('XRANGE', [ask.stream, entry, entry])),
      ) as Promise<readonly (readonly Entry[])[]>,
      lostOf(store, ask, page),
    ])
    const deliveries = await read(store, ask, bodies.flat())
    let next = 0
    for (const [i, held] of page.entries()) {
      // Its entry was deleted while others were asked for.
      if (bodies[i]?.length === 0) continue
      const delivery = deliveries[next++]
      if (delivery === undefined) continue
      const message = { ...seen(delivery), ...stateOf(store, held, delivery) }
      found.push(placed(ask, held.entry, { ...message, redeliveries: lost[i] ?? 0 }))
    }
    const final = page.at(-1)
    if (final === undefined || page.length < count) break
    start = `(${final.entry}`
  }
  return found
}

function read(
  store: RedisStore,
  { queue, line }: LineAsk,
  entries: readonly Entry[],
): Promise<readonly Delivery[]> {
  return deliveriesOf(store, [{ queue, line, entries, counts: [], redeliveries: [], reasons: [] }])
}

function seen({
  id,
  queue,
  priority,
  body,
  enqueuedAt,
}: Delivery): Omit<StoredMessage, 'state' | 'redeliveries'> {
  return { id, queue, priority, body, at: enqueuedAt }
}

function placed({ line }: LineAsk, entry: string, message: StoredMessage): PlacedInLine {
  return { place: { in: 'lines', line, entry }, message }
}

function stateOf(
  { foreignIdle }: RedisStore,
  { consumer, since }: Pending,
  { enqueuedAt }: Delivery,
): Pick<StoredMessage, 'state' | 'at'> {
  if (consumer === 'tw:released') return { state: 'queued', at: enqueuedAt }
  const lease = Number(/^tw:.*:(\d+)$/.exec(consumer)?.[1] ?? foreignIdle)
  return { state: 'running', at: since + lease }
}

/** The later of two starts. */
function startBehind(start: string, last: string | undefined): string {
  if (last === undefined) return start
  const isLater = start !== '-' && compareEntries(start.replace('(', ''), last) > 0
  return isLater ? start : `(${last}`
}

/** The last entry that the group has handed out; `undefined` where there is no group. */
async function lastHandedOut(store: RedisStore, stream: string): Promise<string | undefined> {
  const groups = (await store.commands.call('XINFO', ['GROUPS', stream]).catch((error: unknown) => {
    // There is no such stream yet.
    if (error instanceof Error && replyCode(error.cause) === 'ERR') return []
    throw error
  })) as readonly (readonly unknown[])[]
  const group = groups.find((fields) => fields[fields.indexOf('name') + 1] === store.group)
  const last = group?.[group.indexOf('last-delivered-id') + 1]
  return typeof last === 'string' ? last : undefined
}

/** How often each was lost: it was handed out so often, without the times it was given back. */
async function lostOf(
  store: RedisStore,
  { queue, line }: LineAsk,
  page: readonly Pending[],
): Promise<readonly number[]> {
  if (page.length === 0) return []
  const { side } = store.keys.queue(queue)
  const back = (await store.commands.call('HMGET', [
    `${side}back`,
    ...page.map(({ entry }) => `${line}|${entry}`),
  ])) as readonly (string | null)[]
  return page.map(({ count }, i) => Math.max(0, count - 1 - Number(back[i] ?? 0)))
}

/** The time of Redis, in milliseconds since 1970. @throws StoreError */
async function timeOf(store: RedisStore): Promise<number> {
  const [seconds, micros] = (await store.commands.call('TIME', [])) as [string, string]
  return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000)
}
