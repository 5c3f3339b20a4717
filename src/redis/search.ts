/**
 * Looking for a message by its id where no index knows it: messages whose id was drawn for them are not
 * indexed, since that would cost each of them memory that nearly none needs.
 *
 * Such ids begin with the moment and the number at which they were drawn, and a stream has them nearly in
 * that order, whatever the clocks of their senders say: a search halves the stream until it is beside the
 * id, and reads on from there in both directions, page by page, up to a bound.
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

/** Entries of a page, and the most that one search reads of a line. */
const page = 500
const most = 200_000
/** 12 hex digits of milliseconds, 4 of a counter, 16 more: as we draw ids. */
const ours = /^[0-9a-f]{32}$/
/** How much of an id is in the order of its making. */
const ordered = 16
/** Entries that are looked at in one place: some may be of others, or have waited for their time elsewhere. */
const looked = 5
/** Milliseconds by which an id may be older or newer than its entry and still tell where others are. */
const plausible = 86_400_000

/** Looks for ids in these queues, or in all that the app has seen. @throws StoreError */
export async function search(
  store: RedisStore,
  ids: readonly string[],
  queues?: readonly string[],
): Promise<ReadonlyMap<string, Found>> {
  const found = new Map<string, Found>()
  if (ids.length === 0) return found
  const lines = await allLines(store, queues)
  for (const id of ids) {
    for (const { queue, line, stream } of lines) {
      const entry = await searchLine(store, stream, id)
      if (entry === undefined) continue
      found.set(id, { queue, line, entry })
      break
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

async function searchLine(
  store: RedisStore,
  stream: string,
  id: string,
): Promise<string | undefined> {
  const middle = ours.test(id) ? await placeNear(store, stream, id) : '-'
  let up: string | undefined = middle
  let down = middle === '-' ? undefined : `(${middle}`
  const step = async (command: string, from: string, to: string): Promise<readonly Entry[]> =>
    (await store.commands.call(command, [stream, from, to, 'COUNT', page])) as readonly Entry[]
  for (let read = 0; read < most && (up !== undefined || down !== undefined); read += page) {
    for (const [command, from, to] of [
      ['XRANGE', up, '+'],
      ['XREVRANGE', down, '-'],
    ] as const) {
      if (from === undefined) continue
      const entries = await step(command, from, to)
      const entry = await entryOf(store, { id, stream, entries })
      if (entry !== undefined) return entry
      const last = entries.at(-1)
      const next = last === undefined || entries.length < page ? undefined : `(${last[0]}`
      if (command === 'XRANGE') up = next
      else down = next
    }
  }
  return undefined
}

/** The moment of a stream at which ids begin that were drawn no sooner than this one. */
async function placeNear(store: RedisStore, stream: string, id: string): Promise<string> {
  const at = async (command: string, from: string, to: string): Promise<readonly Entry[]> =>
    (await store.commands.call(command, [stream, from, to, 'COUNT', looked])) as readonly Entry[]
  const [first] = await at('XRANGE', '-', '+')
  const [last] = await at('XREVRANGE', '+', '-')
  if (first === undefined || last === undefined) return '-'
  let low = millisecondsOf(first)
  let high = millisecondsOf(last) + 1
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    const entries = await at('XRANGE', String(middle), '+')
    const [head] = entries
    if (head === undefined || orderOf(store, entries) >= id.slice(0, ordered)) high = middle
    else low = millisecondsOf(head) + 1
  }
  return String(low)
}

/** How ids begin where these entries are: by the one among them whose id is nearest to its entry. */
function orderOf(store: RedisStore, entries: readonly Entry[]): string {
  let best: { readonly order: string; readonly distance: number } | undefined
  for (const entry of entries) {
    const id = idOfEntry(store, entry)
    const drawn = ours.test(id) ? Number.parseInt(id.slice(0, 12), 16) : Number.NaN
    const distance = Math.abs(drawn - millisecondsOf(entry))
    if (distance < (best?.distance ?? plausible)) best = { order: id.slice(0, ordered), distance }
  }
  const [head] = entries
  if (best !== undefined || head === undefined) return best?.order ?? ''
  return millisecondsOf(head).toString(16).padStart(12, '0')
}

function millisecondsOf([entry]: Entry): number {
  return Number.parseInt(entry, 10)
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
