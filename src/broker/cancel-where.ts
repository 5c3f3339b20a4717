import { UnsupportedError } from '../core/errors.ts'
import type { StoredMessage } from '../core/inspector.ts'
import type { LabelValue } from '../core/labels.ts'
import type { Message } from '../core/message.ts'
import { cancelTasks } from './cancel.ts'
import type { BrokerRuntime } from './runtime.ts'

/** Which messages are meant, wherever they wait or run. All that is named must fit. */
export interface MessageFilter {
  readonly queue?: string | undefined
  readonly task?: string | undefined
  /** Labels of the message, each with this value. */
  readonly labels?: Readonly<Record<string, LabelValue>> | undefined
}

const page = 500

/**
 * Cancels all that fit when the call begins, with `children` also what these have sent; the ids. Reads the store page by page.
 * @throws UnsupportedError where the transport cannot be inspected.
 */
export async function cancelWhere(
  runtime: BrokerRuntime,
  { queue, task, labels = {} }: MessageFilter,
  { reason, children }: { readonly reason: string; readonly children: boolean },
): Promise<readonly string[]> {
  const wanted: string[] = []
  for await (const [{ id }, message] of stored(runtime, queue)) {
    if (task !== undefined && message.task !== task) continue
    if (Object.entries(labels).every(([name, value]) => message.labels[name] === value))
      wanted.push(id)
  }
  const cancelled = await cancelAll(runtime, wanted, reason)
  if (!children) return cancelled
  return [...cancelled, ...(await cancelChildren(runtime, wanted, reason))]
}

/** Cancels what these messages sent, and what that sent; the ids. */
export async function cancelChildren(
  runtime: BrokerRuntime,
  ids: readonly string[],
  reason: string,
): Promise<readonly string[]> {
  const children = new Map<unknown, string[]>()
  for await (const [{ id }, { labels }] of stored(runtime, undefined)) {
    const { tw_parent: parent, tw_root: root } = labels
    // A parent that has ended is not stored any more: its line leads to the root.
    for (const one of new Set([parent, root])) {
      if (one !== undefined) children.set(one, [...(children.get(one) ?? []), id])
    }
  }
  const found = new Set<string>()
  const open = [...ids]
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    for (const child of children.get(id) ?? []) {
      if (found.has(child)) continue
      found.add(child)
      open.push(child)
    }
  }
  for (const id of ids) found.delete(id)
  return cancelAll(runtime, [...found], reason)
}

async function cancelAll(
  runtime: BrokerRuntime,
  ids: readonly string[],
  reason: string,
): Promise<readonly string[]> {
  const cancelled: string[] = []
  for (let i = 0; i < ids.length; i += page) {
    const part = ids.slice(i, i + page)
    const answers = await cancelTasks(runtime, part, reason)
    cancelled.push(...part.filter((_, at) => answers[at] === true))
  }
  return cancelled
}

async function* stored(
  { inspector, transport, codec }: BrokerRuntime,
  queue: string | undefined,
): AsyncIterable<readonly [StoredMessage, Message]> {
  if (inspector === undefined)
    throw new UnsupportedError(`transport '${transport.name}' cannot be inspected.`)
  const queues =
    queue === undefined ? (await inspector.queues()).map((counts) => counts.queue) : [queue]
  for (const name of queues) {
    for (let after: string | undefined; ;) {
      const found = await inspector.peek(name, { limit: page, after })
      for (const one of found) {
        try {
          yield [one, codec.decodeMessage(one.body)] as const
        } catch {
          // Malformed bytes say neither task nor labels: no filter means them.
        }
      }
      after = found.at(-1)?.id
      if (found.length < page) break
    }
  }
}
