/**
 * Runs a batch of operations: cut into transactions, and asked again while the write lock is taken.
 *
 * SQLite's own wait is short (20 ms) because it blocks the thread: with a user's transaction open
 * across an await in this very process, a blocking wait would wait for what cannot happen until it
 * ends. Beyond it we wait on the loop, a random time up to 20 ms, so that four busy processes get
 * their turns fairly (a sender's p99 beside them falls from over a second to about 80 ms).
 */
import { sleep, type Clock } from '../core/clock.ts'
import type { Random } from '../core/random.ts'
import type { Body } from '../core/message.ts'
import type { News, Operation, Reply } from './operations.ts'
import type { Transacted } from './sqlite-engine.ts'

/** What a batch needs of an engine. */
export interface Transacting {
  transact(operations: readonly Operation[], now: number): Transacted
}

/** How a runner waits. */
export interface RunnerOptions {
  /** Real time, also where the caller's `now` is not: the lock is held by other processes. */
  readonly clock: Clock
  readonly random: Random
  /** Milliseconds after which a batch that found no turn fails. */
  readonly patience: number
}

/** The most outcomes, and about the most bytes, of one transaction. */
const mostOutcomes = 256
const mostBytes = 1_000_000
/** The longest pause before the lock is asked for again. */
const longestPause = 20

/** Answers all operations, in order. */
export async function runBatch(
  engine: Transacting,
  { operations, now }: { operations: readonly Operation[]; now: number },
  { clock, random, patience }: RunnerOptions,
): Promise<Transacted> {
  const replies: Reply[] = []
  const news: News = { work: false, results: false, cancels: false, locks: false, unfinished: [] }
  const begun = clock.monotonic()
  for (const chunk of chunks(operations)) {
    let open: readonly number[] = chunk
    for (;;) {
      const asked = open.flatMap((i) => operations[i] ?? [])
      const done = engine.transact(asked, now + clock.monotonic() - begun)
      news.work ||= done.news.work
      news.results ||= done.news.results
      news.cancels ||= done.news.cancels
      news.locks ||= done.news.locks
      news.unfinished.push(...done.news.unfinished)
      for (const [j, reply] of done.replies.entries()) replies[open[j] ?? 0] = reply
      open = open.filter((i) => isBusy(replies[i]))
      if (open.length === 0 || clock.monotonic() - begun >= patience) break
      await sleep(clock, longestPause * random.next())
    }
  }
  return { replies, news }
}

function isBusy(reply: Reply | undefined): boolean {
  return reply !== undefined && !reply.done && reply.failure.kind === 'busy'
}

/** Cuts a batch into transactions. One operation is never cut: it is atomic. */
function chunks(operations: readonly Operation[]): number[][] {
  const all: number[][] = []
  let chunk: number[] = []
  let outcomes = 0
  let bytes = 0
  for (const [i, operation] of operations.entries()) {
    const size = sizeOf(operation)
    if (
      chunk.length > 0 &&
      (outcomes + size.outcomes > mostOutcomes || bytes + size.bytes > mostBytes)
    ) {
      all.push(chunk)
      chunk = []
      outcomes = bytes = 0
    }
    chunk.push(i)
    outcomes += size.outcomes
    bytes += size.bytes
  }
  all.push(chunk)
  return all
}

function sizeOf(operation: Operation): { outcomes: number; bytes: number } {
  const sum = (bodies: readonly (Body | undefined)[]): number =>
    bodies.reduce((total, body) => total + (body?.length ?? 0), 0)
  switch (operation.kind) {
    case 'send':
      return {
        outcomes: operation.ask.length,
        bytes: sum(operation.ask.map(({ body }) => body)),
      }
    case 'fire':
      return {
        outcomes: operation.ask.length,
        bytes: sum(operation.ask.map(({ envelope }) => envelope?.body)),
      }
    case 'settle':
      return {
        outcomes: operation.ask.length,
        bytes: sum(operation.ask.map(({ result }) => result?.body)),
      }
    case 'save':
      return { outcomes: operation.ask.length, bytes: sum(operation.ask.map(({ body }) => body)) }
    case 'extend':
      return { outcomes: operation.ask.claims.length, bytes: 0 }
    default:
      return { outcomes: 1, bytes: 0 }
  }
}
