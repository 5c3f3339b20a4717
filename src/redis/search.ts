/**
 * Looking for a message by its id where no index knows it: messages whose id was drawn for them are not
 * indexed, since that would cost each of them memory that nearly none needs.
 *
 * Such ids begin with the moment at which they were drawn, and entries of a stream with the moment at
 * which they came, so that a search begins there. Clocks differ, and foreign ids say nothing: after that
 * all is read, page by page, up to a bound.
 */
import { exactBody, idInBody, namelessId, type Entry } from './entries.ts'
import type { RedisStore } from './redis-store.ts'
import { isDoubtful } from './wire-body.ts'

/** Where a message is. */
export interface Found {
  readonly queue: string
  readonly line: string
  readonly entry: string
}

/** Milliseconds before and after the moment in an id where its entry is looked for first. */
const near = { before: 2000, after: 60_000 }
/** Entries of a page, and the most that one search reads of a line. */
const page = 500
const most = 200_000
/** 12 hex digits of milliseconds, 20 more: as we draw ids. */
const ours = /^[0-9a-f]{32}$/

/** Looks for ids in all queues that the app has seen. @throws StoreError */
export async function search(
  store: RedisStore,
  ids: readonly string[],
): Promise<ReadonlyMap<string, Found>> {
  const found = new Map<string, Found>()
  if (ids.length === 0) return found
  const lines = await allLines(store)
  for (const id of ids) {
    const drawn = ours.test(id) ? Number.parseInt(id.slice(0, 12), 16) : undefined
    const ranges: (readonly [string, string])[] = [['-', '+']]
    if (drawn !== undefined) {
      ranges.unshift([String(Math.max(0, drawn - near.before)), String(drawn + near.after)])
    }
    for (const range of ranges) {
      const place = found.get(id) ?? (await searchLines(store, { id, lines, range }))
      if (place !== undefined) found.set(id, place)
    }
  }
  return found
}

/** Queues that the app has seen, by name. */
export async function allQueues(store: RedisStore): Promise<string[]> {
  const names = (await store.commands.call('SMEMBERS', [`${store.keys.app}queues`])) as string[]
  return [...new Set([...names, ...store.seen().map(({ queue }) => queue)])].sort()
}

interface Line {
  readonly queue: string
  readonly line: string
  readonly stream: string
}

/** The streams of all queues, best line first. */
export async function allLines(store: RedisStore, queues?: readonly string[]): Promise<Line[]> {
  const names = queues ?? (await allQueues(store))
  const lines = await Promise.all(
    names.map(async (queue) => {
      const { stream, side } = store.keys.queue(queue)
      const others = (await store.commands.call('SMEMBERS', [`${side}lines`])) as string[]
      return [...others, '4']
        .sort((a, b) => (a < b ? 1 : -1))
        .map((line) => ({ queue, line, stream: line === '4' ? stream : `${side}p:${line}` }))
    }),
  )
  return lines.flat()
}

async function searchLines(
  store: RedisStore,
  of: { id: string; lines: readonly Line[]; range: readonly [string, string] },
): Promise<Found | undefined> {
  const { id, lines, range } = of
  for (const { queue, line, stream } of lines) {
    let [from] = range
    for (let read = 0; read < most; read += page) {
      const entries = (await store.commands.call('XRANGE', [
        ...[stream, from, range[1]],
        ...['COUNT', page],
      ])) as readonly Entry[]
      const entry = await entryOf(store, { id, stream, entries })
      if (entry !== undefined) return { queue, line, entry }
      const last = entries.at(-1)
      if (last === undefined || entries.length < page) break
      from = `(${last[0]}`
    }
  }
  return undefined
}

/** The entry of an id in a page. Bodies that may be bytes are read once more, as bytes. */
async function entryOf(
  store: RedisStore,
  { id, stream, entries }: { id: string; stream: string; entries: readonly Entry[] },
): Promise<string | undefined> {
  const found = entries.find((entry) => idOfEntry(store, entry) === id)
  if (found !== undefined) return found[0]
  const doubtful = entries.filter(([, fields]) => !fields.includes('i') && fields.some(isDoubtful))
  for (const [entry] of doubtful) {
    const body = await exactBody(store, stream, entry)
    if (body !== undefined && store.idOf(body) === id) return entry
  }
  return undefined
}

/** The id of an entry, as a delivery of it would have it. */
function idOfEntry(store: RedisStore, [entry, fields]: Entry): string {
  let body = ''
  for (let f = 0; f < fields.length; f += 2) {
    if (fields[f] === 'i') return fields[f + 1] ?? ''
    if (fields[f] === 'data') body = fields[f + 1] ?? ''
  }
  return idInBody(body) ?? store.idOf(body) ?? namelessId(entry)
}
