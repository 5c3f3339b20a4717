import type { DeadLetter, PageRequest } from '../core/inspector.ts'
import type { DeadReason } from '../core/states.ts'
import { priorityOfLine } from './line-priority.ts'
import type { RedisStore } from './redis-store.ts'
import { allQueues } from './search.ts'
import { fromWire } from './wire-body.ts'

type ByteEntry = readonly [Buffer, readonly Buffer[]]

/** The most dead letters of a queue that are read for one page. */
const readAhead = 1000

/** Dead letters, newest first. @throws StoreError */
export async function deadPage(
  store: RedisStore,
  { queue, limit, after }: PageRequest & { queue?: string | undefined },
): Promise<readonly DeadLetter[]> {
  const queues = queue === undefined ? await allQueues(store) : [queue]
  const from = after === undefined ? undefined : await placeOfDead(store, after, queues)
  const pages = await Promise.all(
    queues.map(async (name) => {
      const { side } = store.keys.queue(name)
      const entries = (await store.commands.callBytes('XREVRANGE', [
        `${side}dead`,
        from === undefined ? '+' : `(${from}`,
        '-',
        'COUNT',
        Math.min(readAhead, limit),
      ])) as readonly ByteEntry[]
      return entries.map((entry) => ({ letter: letterOf(entry, name), entry: entry[0].toString() }))
    }),
  )
  return pages
    .flat()
    .sort((a, b) => b.letter.at - a.letter.at || (a.entry < b.entry ? 1 : -1))
    .slice(0, limit)
    .map(({ letter }) => letter)
}

/** One dead letter. @throws StoreError */
export async function deadLetterOf(store: RedisStore, id: string): Promise<DeadLetter | null> {
  for (const queue of await allQueues(store)) {
    const { side } = store.keys.queue(queue)
    const entry = (await store.commands.call('HGET', [`${side}dead:ids`, id])) as string | null
    if (entry === null) continue
    const found = (await store.commands.callBytes('XRANGE', [
      ...[`${side}dead`, entry, entry],
    ])) as readonly ByteEntry[]
    const [first] = found
    if (first !== undefined) return letterOf(first, queue)
  }
  return null
}

async function placeOfDead(
  store: RedisStore,
  id: string,
  queues: readonly string[],
): Promise<string | undefined> {
  for (const queue of queues) {
    const { side } = store.keys.queue(queue)
    const entry = (await store.commands.call('HGET', [`${side}dead:ids`, id])) as string | null
    if (entry !== null) return entry
  }
  return undefined
}

function letterOf([, fields]: ByteEntry, queue: string): DeadLetter {
  const values = new Map<string, Buffer>()
  for (let i = 0; i < fields.length; i += 2)
    values.set(String(fields[i]), fields[i + 1] ?? Buffer.alloc(0))
  const text = (name: string): string => String(values.get(name) ?? '')
  return {
    id: text('id'),
    queue,
    priority: priorityOfLine(text('line')),
    body: fromWire(values.get('data') ?? Buffer.alloc(0)),
    reason: text('reason') as DeadReason,
    detail: text('detail'),
    redeliveries: Number(text('lost')),
    at: Number(text('at')),
  }
}
