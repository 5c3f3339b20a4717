import { sleep } from '../core/clock.ts'
import { milliseconds } from '../core/duration.ts'
import { InvalidInputError, UnsupportedError } from '../core/errors.ts'
import type { DeadLetter, Inspector } from '../core/inspector.ts'
import type { LabelValue, Labels } from '../core/labels.ts'
import type { Body, Message } from '../core/message.ts'
import type { DeadReason } from '../core/states.ts'
import { apartId, readApart, withoutApart } from './claim-check.ts'
import type { DeadRetention } from './dead-retention.ts'
import type { BrokerRuntime } from './runtime.ts'

/** Which dead letters are meant. All that is named must fit; nothing named: all of them. */
export interface DeadFilter {
  readonly queue?: string | undefined
  readonly task?: string | undefined
  readonly reason?: DeadReason | undefined
  /** Labels of the message, each with this value. */
  readonly labels?: Readonly<Record<string, LabelValue>> | undefined
  /** Part of the detail, in any case, or a pattern for it: `TypeError`, `/timed? out/`. */
  readonly error?: string | RegExp | undefined
  /** Set aside before, or at or after, this moment. */
  readonly before?: Date | undefined
  readonly since?: Date | undefined
}

/** A dead letter and the message that it holds; `undefined` where its bytes are none. */
export interface DeadMessage extends DeadLetter {
  readonly message: Message | undefined
}

/** What of a message may be other when it is run again. What is absent stays. */
export interface DeadEdit {
  readonly args?: readonly unknown[] | undefined
  readonly kwargs?: Readonly<Record<string, unknown>> | undefined
  readonly labels?: Labels | undefined
}

/** How dead letters are put back. */
export interface DeadRetryOptions {
  /** Changes what a message says before it runs again; `undefined` leaves it as it is. Not asked for what is malformed. */
  readonly edit?: ((dead: DeadMessage & { message: Message }) => DeadEdit | undefined) | undefined
  /** At most so many a second: a drain that does not flood what failed before. Default: as fast as it goes. */
  readonly perSecond?: number | undefined
  /** Ends it between two steps; what was put back stays so. */
  readonly signal?: AbortSignal | undefined
}

/** Messages that will not run again by themselves. */
export interface DeadLetters {
  /** One of them; `null` where there is none of this id. */
  get(id: string): Promise<DeadMessage | null>
  /** Those that fit, newest first. Reads the store page by page: what arrives meanwhile may be missed. */
  search(filter?: DeadFilter): AsyncIterable<DeadMessage>
  /**
   * Puts letters back into their queues, with a fresh retry budget and no expiry, and deletes their
   * results; the ids that were there. With a filter: all that fit when the call begins, so that what fails
   * again at once is not met twice.
   */
  retry(
    which: readonly string[] | DeadFilter,
    options?: DeadRetryOptions,
  ): Promise<readonly string[]>
  /** Deletes letters for good; how many there were. */
  delete(which: readonly string[] | DeadFilter): Promise<number>
  /** Deletes the oldest for good, by age or count; how many. A worker does so by the broker's `deadLetters` option. */
  trim(retention: DeadRetention): Promise<number>
}

const pageSize = 200

/** The dead letters of a broker's store. @throws UnsupportedError where the transport cannot be inspected. */
export function deadLettersOf(runtime: BrokerRuntime): DeadLetters {
  const inspector = inspectorOf(runtime)
  const search = (filter: DeadFilter = {}): AsyncIterable<DeadMessage> =>
    found(runtime, inspector, filter)
  const idsOf = async (which: readonly string[] | DeadFilter): Promise<readonly string[]> => {
    if (isList(which)) return which
    const ids: string[] = []
    for await (const { id } of search(which)) ids.push(id)
    return ids
  }
  return {
    search,
    async get(id) {
      await runtime.start()
      const letter = await inspector.deadLetter(id)
      return letter === null ? null : { ...letter, message: messageIn(runtime, letter.body) }
    },
    async retry(which, options = {}) {
      const { perSecond } = options
      if (perSecond !== undefined && !(perSecond > 0))
        throw new InvalidInputError('perSecond is a number above 0.')
      await runtime.start()
      return putBack(runtime, inspector, { ids: await idsOf(which), options })
    },
    async delete(which) {
      await runtime.start()
      let deleted = 0
      for (const page of pagesOf(await idsOf(which), pageSize))
        deleted += await inspector.deleteDead(page)
      return deleted
    },
    async trim(retention) {
      await runtime.start()
      return trimDead(runtime, inspector, retention)
    },
  }
}

function inspectorOf({ inspector, transport }: BrokerRuntime): Inspector {
  if (inspector !== undefined) return inspector
  throw new UnsupportedError(`transport '${transport.name}' cannot be inspected.`)
}

async function* found(
  runtime: BrokerRuntime,
  inspector: Inspector,
  filter: DeadFilter,
): AsyncIterable<DeadMessage> {
  await runtime.start()
  const { queue } = filter
  for (let after: string | undefined; ;) {
    const page = await inspector.deadLetters({ queue, limit: pageSize, after })
    for (const letter of page) {
      const dead = { ...letter, message: messageIn(runtime, letter.body) }
      if (fits(dead, filter)) yield dead
    }
    after = page.at(-1)?.id
    if (page.length < pageSize) return
  }
}

function fits({ message, reason, detail, at }: DeadMessage, filter: DeadFilter): boolean {
  const { task, labels = {}, error, before, since } = filter
  if (task !== undefined && message?.task !== task) return false
  if (filter.reason !== undefined && reason !== filter.reason) return false
  if (before !== undefined && at >= before.getTime()) return false
  if (since !== undefined && at < since.getTime()) return false
  if (typeof error === 'string' && !detail.toLowerCase().includes(error.toLowerCase())) return false
  // A pattern with `g` or `y` goes on where it last stood.
  if (error instanceof RegExp && detail.search(error) < 0) return false
  return Object.entries(labels).every(([name, value]) => message?.labels[name] === value)
}

async function putBack(
  runtime: BrokerRuntime,
  inspector: Inspector,
  { ids, options }: { ids: readonly string[]; options: DeadRetryOptions },
): Promise<readonly string[]> {
  const { edit, perSecond, signal } = options
  const { clock } = runtime.surroundings
  const began = clock.monotonic()
  const done: string[] = []
  let asked = 0
  // Slower than ten a second goes one by one, faster in tenths of a second.
  const step = perSecond === undefined ? pageSize : Math.max(1, Math.floor(perSecond / 10))
  for (const page of pagesOf(ids, step)) {
    if (perSecond !== undefined)
      await sleep(clock, began + (asked / perSecond) * 1000 - clock.monotonic(), { signal })
    if (signal?.aborted === true) break
    asked += page.length
    const bodies = new Map<string, Body>()
    for (const id of page) {
      const letter = await inspector.deadLetter(id)
      const body = letter === null ? undefined : await freshBody(runtime, letter, edit)
      if (body !== undefined) bodies.set(id, body)
    }
    done.push(...(await inspector.retryDead(page, bodies)))
  }
  return done
}

/** With its failed runs taken off the count, edited; `undefined` for malformed bytes, which go back as they are. */
async function freshBody(
  runtime: BrokerRuntime,
  letter: DeadLetter,
  edit: DeadRetryOptions['edit'],
): Promise<Body | undefined> {
  const short = messageIn(runtime, letter.body)
  if (short === undefined) return undefined
  const message = await withArguments(runtime, short)
  const { args, kwargs, labels } = edit?.({ ...letter, message }) ?? {}
  const given = labels ?? message.labels
  const isNew = args !== undefined || kwargs !== undefined
  const {
    _retries: _,
    tw_expires: __,
    tw_deadline: ___,
    ...kept
  } = isNew ? withoutApart(given) : given
  return runtime.sender.rewrite({
    ...message,
    args: args ?? message.args,
    kwargs: kwargs ?? message.kwargs,
    labels: kept,
  })
}

/**
 * A message with the arguments that were kept apart from it, so that they are kept anew for as long as one that
 * is sent now. Where they are gone, or cannot be read, it stays as it is, and is set aside again if nobody gives it others.
 */
async function withArguments(runtime: BrokerRuntime, message: Message): Promise<Message> {
  const id = apartId(message.labels)
  const [body = null] = id === undefined ? [] : await runtime.results.get([id])
  if (body === null) return message
  try {
    const labels = withoutApart(message.labels)
    return { ...message, ...readApart(runtime.codec, body), labels }
  } catch {
    // Not to be read: for whoever runs it as for us.
    return message
  }
}

async function trimDead(
  runtime: BrokerRuntime,
  inspector: Inspector,
  { queue, keepFor, keep }: DeadRetention,
): Promise<number> {
  if (keep !== undefined && !(Number.isSafeInteger(keep) && keep >= 0))
    throw new InvalidInputError('keep is a whole number of 0 or more.')
  const before =
    keepFor === undefined ? undefined : runtime.surroundings.clock.now() - milliseconds(keepFor)
  const queues =
    queue === undefined
      ? (await inspector.queues()).flatMap((counts) => (counts.dead > 0 ? [counts.queue] : []))
      : [queue]
  let deleted = 0
  for (const name of queues) {
    for (let more = -1; more !== 0; deleted += more)
      more = await inspector.trimDead({ queue: name, before, keep, limit: pageSize })
  }
  return deleted
}

function messageIn({ codec }: BrokerRuntime, body: Body): Message | undefined {
  try {
    return codec.decodeMessage(body)
  } catch {
    // It may be dead because it is malformed.
    return undefined
  }
}

function* pagesOf<T>(all: readonly T[], size: number): Generator<readonly T[]> {
  for (let i = 0; i < all.length; i += size) yield all.slice(i, i + size)
}

function isList(which: readonly string[] | DeadFilter): which is readonly string[] {
  return Array.isArray(which)
}
