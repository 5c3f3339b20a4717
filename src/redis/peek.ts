import { replyCode } from '../connections/redis/redis-failure.ts'
import type { PageRequest, StoredMessage } from '../core/inspector.ts'
import { compareEntries } from './claim-token.ts'
import { deliveriesOf, type Entry } from './entries.ts'
import { priorityOfLine } from './line-priority.ts'
import type { RedisStore } from './redis-store.ts'
import { allLines } from './search.ts'

/** Entries of a line that are read at once. */
const readAtOnce = 500

/** A message and the entry that gives its place. */
interface Placed {
  readonly order: string
  readonly message: StoredMessage
}

/** What somebody holds; `since` is when his lease was taken or renewed. */
interface Pending {
  readonly consumer: string
  readonly since: number
  readonly count: number
}

/**
 * Messages of a queue without claiming them: what is in its lines in the order of its entries, then what
 * is scheduled by its time. What is due counts as in a line.
 * @throws StoreError
 */
export async function peek(
  store: RedisStore,
  queue: string,
  { limit, after }: PageRequest,
): Promise<readonly StoredMessage[]> {
  const { commands } = store
  const lines = await allLines(store, [queue])
  const now = await timeOf(store)
  const messages: Placed[] = []
  for (const { line, stream } of lines) {
    const pending = await pendingOf(store, stream)
    const last = await lastHandedOut(store, stream)
    let found = 0
    // A page may begin anywhere: entries up to the one it goes on after are read too.
    for (let start = '-'; after !== undefined || found < limit;) {
      const range = [stream, start, '+', 'COUNT', readAtOnce]
      const entries = (await commands.call('XRANGE', range)) as readonly Entry[]
      const chunk = { queue, line, entries, counts: [], redeliveries: [], reasons: [] }
      const deliveries = await deliveriesOf(store, [chunk])
      for (const [i, [entry]] of entries.entries()) {
        const delivery = deliveries[i]
        if (delivery === undefined) continue
        const held = pending.get(entry)
        // Acknowledged by Python, which leaves it in the stream.
        if (held === undefined && compareEntries(entry, last) <= 0) continue
        const waits = held === undefined || held.consumer === 'tw:released'
        const lease = Number(/^tw:.*:(\d+)$/.exec(held?.consumer ?? '')?.[1] ?? store.foreignIdle)
        const message: StoredMessage = {
          id: delivery.id,
          queue,
          priority: delivery.priority,
          state: waits ? 'queued' : 'running',
          body: delivery.body,
          redeliveries: await lostOf(store, { queue, line, entry, held }),
          at: waits ? delivery.enqueuedAt : held.since + lease,
        }
        messages.push({ order: entry, message })
        found++
      }
      const final = entries.at(-1)
      if (final === undefined || entries.length < readAtOnce) break
      start = `(${final[0]}`
    }
  }
  messages.sort((a, b) => compareEntries(a.order, b.order))
  const all = [...messages, ...(await scheduled(store, queue, now))]
  const from = after === undefined ? 0 : all.findIndex(({ message }) => message.id === after) + 1
  return all.slice(from, from + limit).map(({ message }) => message)
}

/** What is scheduled, by its time; before it what waits at a gate, which is kept beside it without a time. */
async function scheduled(store: RedisStore, queue: string, now: number): Promise<Placed[]> {
  const { side } = store.keys.queue(queue)
  const [flat, later] = (await Promise.all([
    store.commands.call('ZRANGE', [`${side}delayed`, 0, -1, 'WITHSCORES']),
    store.commands.call('HGETALL', [`${side}later`]),
  ])) as [readonly string[], readonly string[]]
  const times = new Map<string, number>()
  for (let i = 0; i < flat.length; i += 2) times.set(flat[i] ?? '', Number(flat[i + 1]))
  const found: { readonly member: string; readonly message: StoredMessage }[] = []
  for (let i = 0; i < later.length; i += 2) {
    const id = later[i] ?? ''
    const [, line = '4', enqueued = '', member = '', body = ''] =
      /^(\w)\|..\|\d*\|(\d*)\|([^|]*)\|(.*)$/s.exec(later[i + 1] ?? '') ?? []
    const at = member === '' ? Number(enqueued) : times.get(member)
    if (at === undefined) continue
    const state = at <= now ? ('queued' as const) : ('scheduled' as const)
    const priority = priorityOfLine(line)
    found.push({ member, message: { id, queue, priority, state, body, redeliveries: 0, at } })
  }
  const time = (member: string): number => times.get(member) ?? 0
  found.sort((a, b) => time(a.member) - time(b.member) || (a.member < b.member ? -1 : 1))
  return found.map(({ message }) => ({ order: '', message }))
}

async function pendingOf(store: RedisStore, stream: string): Promise<Map<string, Pending>> {
  const found = new Map<string, Pending>()
  for (let from = '-'; ;) {
    // Asked at once: how long they have been idle is true for the moment of the answer.
    const [answer, now] = await Promise.all([
      store.commands
        .call('XPENDING', [stream, store.group, from, '+', 1000])
        .catch(noneWhere('NOGROUP')),
      timeOf(store),
    ])
    const page = answer as readonly (readonly [string, string, number, number])[]
    for (const [entry, consumer, idle, count] of page)
      found.set(entry, { consumer, since: now - idle, count })
    const last = page.at(-1)
    if (last === undefined || page.length < 1000) return found
    from = `(${last[0]}`
  }
}

async function lastHandedOut(store: RedisStore, stream: string): Promise<string> {
  const groups = (await store.commands
    .call('XINFO', ['GROUPS', stream])
    .catch(noneWhere('ERR'))) as readonly (readonly unknown[])[]
  const group = groups.find((fields) => fields[fields.indexOf('name') + 1] === store.group) ?? []
  const last = group[group.indexOf('last-delivered-id') + 1]
  return typeof last === 'string' ? last : '0-0'
}

/** Nobody has sent to a line yet, or nobody has read from it: no stream, or no group, is an empty one. */
function noneWhere(code: string): (error: unknown) => readonly never[] {
  return (error) => {
    if (error instanceof Error && replyCode(error.cause) === code) return []
    throw error
  }
}

async function lostOf(
  store: RedisStore,
  of: { queue: string; line: string; entry: string; held: Pending | undefined },
): Promise<number> {
  const { queue, line, entry, held } = of
  if (held === undefined) return 0
  const { side } = store.keys.queue(queue)
  const back = await store.commands.call('HGET', [`${side}back`, `${line}|${entry}`])
  return Math.max(0, held.count - 1 - Number(back ?? 0))
}

async function timeOf(store: RedisStore): Promise<number> {
  const [seconds, micros] = (await store.commands.call('TIME', [])) as [string, string]
  return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000)
}
