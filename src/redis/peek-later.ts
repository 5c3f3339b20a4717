/** Pages of what is not in the lines of a queue: what waits at a gate, and what is put off. */
import type { StoredMessage } from '../core/inspector.ts'
import { priorityOfLine } from './line-priority.ts'
import type { RedisStore } from './redis-store.ts'
import { fromWire } from './wire-body.ts'

/** Members that are read at once. */
const readAtOnce = 100

/** A message at a gate, and the step of the scan that has shown it. */
export interface GatePlace {
  readonly in: 'gates'
  readonly cursor: string
  readonly id: string
}

/** A message that is put off, by its time, and by the text of its member among those of one time. */
export interface LaterPlace {
  readonly in: 'later'
  readonly at: number
  readonly member: string
}

/** What a page begins behind, and the most that it has. */
interface Ask<Place> {
  readonly queue: string
  readonly from: Place | undefined
  readonly limit: number
}

/** Messages of a queue that are put off, by their time; those that are due count as queued. @throws StoreError */
export async function putOff(
  store: RedisStore,
  { queue, from, limit, isDueLeftOut = false }: Ask<LaterPlace> & { isDueLeftOut?: boolean },
): Promise<readonly { readonly place: LaterPlace; readonly message: StoredMessage }[]> {
  const { commands } = store
  const key = `${store.keys.queue(queue).side}delayed`
  const [seconds, micros] = (await commands.call('TIME', [])) as [string, string]
  const now = Number(seconds) * 1000 + Math.floor(Number(micros) / 1000)
  let rank = from === undefined ? 0 : await rankBehind(store, key, from)
  if (isDueLeftOut) rank = Math.max(rank, Number(await commands.call('ZCOUNT', [key, '-inf', now])))
  const found: { readonly place: LaterPlace; readonly message: StoredMessage }[] = []
  while (found.length < limit) {
    const count = Math.min(readAtOnce, limit - found.length)
    const range = [key, rank, rank + count - 1, 'WITHSCORES']
    const flat = (await commands.call('ZRANGE', range)) as readonly string[]
    const members = flat.filter((_, i) => i % 2 === 0)
    const messages = await kept(store, queue, members.map(idOfMember))
    for (const [i, member] of members.entries()) {
      const one = messages[i]
      // Somebody has moved it since.
      if (one === undefined || one.member !== member) continue
      const at = Number(flat[2 * i + 1])
      const isDue = at <= now
      const message: StoredMessage = {
        ...one.message,
        state: isDue ? 'queued' : 'scheduled',
        at: isDue ? one.message.at : at,
      }
      found.push({ place: { in: 'later', at, member }, message })
    }
    if (members.length < count) break
    rank += count
  }
  return found
}

/** Messages of a queue that wait at a gate, in no order that means anything. @throws StoreError */
export async function atGates(
  store: RedisStore,
  { queue, from, limit }: Ask<GatePlace>,
): Promise<readonly { readonly place: GatePlace; readonly message: StoredMessage }[]> {
  const { commands, keys } = store
  const { side } = keys.queue(queue)
  const [all, timed] = await Promise.all([
    commands.call('HLEN', [`${side}later`]),
    commands.call('ZCARD', [`${side}delayed`]),
  ])
  const found: { readonly place: GatePlace; readonly message: StoredMessage }[] = []
  if (all === timed) return found
  for (let cursor = from?.cursor ?? '0'; ;) {
    const [next, flat] = (await commands.call('HSCAN', [
      ...[`${keys.app}gates`, cursor],
      ...['COUNT', readAtOnce],
    ])) as [string, readonly string[]]
    const ids = flat.filter((_, i) => i % 2 === 0)
    // Where the one of the last page has left, its whole step is shown again: none is missed.
    const fresh = cursor === from?.cursor ? ids.slice(ids.indexOf(from.id) + 1) : ids
    for (const one of await kept(store, queue, fresh)) {
      if (one === undefined || one.member !== '') continue
      found.push({ place: { in: 'gates', cursor, id: one.message.id }, message: one.message })
    }
    if (next === '0' || found.length >= limit) return found.slice(0, limit)
    cursor = next
  }
}

/**
 * Where a message of a queue is that is not in its lines: `undefined` for one that is, or is not there. What
 * waits at a gate is found from the beginning of their scan.
 * @throws StoreError
 */
export async function laterPlace(
  store: RedisStore,
  queue: string,
  id: string,
): Promise<LaterPlace | GatePlace | undefined> {
  const { side } = store.keys.queue(queue)
  const [one] = await kept(store, queue, [id])
  if (one === undefined) return undefined
  const { member } = one
  if (member === '') return { in: 'gates', cursor: await stepOf(store, id), id }
  const at = await store.commands.call('ZSCORE', [`${side}delayed`, member])
  return at === null ? undefined : { in: 'later', at: Number(at), member }
}

/** The step of the scan that shows a message at a gate; the first where none does any more. */
async function stepOf({ commands, keys }: RedisStore, id: string): Promise<string> {
  for (let cursor = '0'; ;) {
    const [next, flat] = (await commands.call('HSCAN', [
      ...[`${keys.app}gates`, cursor],
      ...['COUNT', readAtOnce],
    ])) as [string, readonly string[]]
    if (flat.some((text, i) => i % 2 === 0 && text === id)) return cursor
    if (next === '0') return '0'
    cursor = next
  }
}

/** How many are due before a member or with it, also when it has left. */
async function rankBehind(
  { commands }: RedisStore,
  key: string,
  { at, member }: LaterPlace,
): Promise<number> {
  const rank = await commands.call('ZRANK', [key, member])
  if (rank !== null) return Number(rank) + 1
  let low = Number(await commands.call('ZCOUNT', [key, '-inf', `(${at}`]))
  let high = Number(await commands.call('ZCOUNT', [key, '-inf', at]))
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    const [found = ''] = (await commands.call('ZRANGE', [key, middle, middle])) as string[]
    if (found < member) low = middle + 1
    else high = middle
  }
  return low
}

/** The number before it puts members of one time in the order in which they came. */
function idOfMember(member: string): string {
  return member.slice(member.indexOf(':') + 1)
}

/** What is kept for ids; `undefined` for each of which nothing is. */
async function kept(
  store: RedisStore,
  queue: string,
  ids: readonly string[],
): Promise<readonly ({ readonly member: string; readonly message: StoredMessage } | undefined)[]> {
  if (ids.length === 0) return []
  const { side } = store.keys.queue(queue)
  const all = await store.commands.callBytes('HMGET', [`${side}later`, ...ids])
  return (all as readonly (Buffer | null)[]).map((packed, i) => {
    if (packed === null) return undefined
    // Line, flags, expiry, moment of the send, member; what follows is the body.
    let end = -1
    const head: string[] = []
    for (let part = 0; part < 5; part++) {
      const start = end + 1
      end = packed.indexOf('|', start)
      head.push(packed.toString('latin1', start, end))
    }
    const [line = '4', , , enqueued = '', member = ''] = head
    const message: StoredMessage = {
      id: ids[i] ?? '',
      queue,
      priority: priorityOfLine(line),
      state: 'queued',
      body: fromWire(packed.subarray(end + 1)),
      redeliveries: 0,
      at: Number(enqueued),
    }
    return { member, message }
  })
}
