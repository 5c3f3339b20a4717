/**
 * Receiving: a script looks for what may be claimed, best first; where there is nothing, a read blocks
 * on the lines of the queues until something comes, or until the next moment at which something becomes
 * claimable by itself.
 *
 * A look tells whether anything but the streams themselves has to be looked at: priorities, cancels, what
 * was given back or has lost its lease. Where there is nothing of it, the next messages are read by a plain
 * command, which costs Redis a third, until the next look is due: when a lease may have ended, a delay is
 * over, or somebody rings.
 */
import type { Claim, Delivery } from '../core/delivery.ts'
import type { ExtendReport, NextRequest, ReceiveRequest } from '../core/transport.ts'
import type { BlockingReads } from './blocking-reads.ts'
import { queueArguments } from './claim-batch.ts'
import { deliveriesOf, type Chunk, type Entry } from './entries.ts'
import {
  handOut,
  linesToRead,
  newChunks,
  readPlainly,
  type PlainRead,
  type ReadLines,
} from './read-streams.ts'
import type { RedisStore } from './redis-store.ts'
import { claimScript } from './scripts/claim-script.ts'
import type { SettleClaims } from './settle.ts'

/** Milliseconds between two looks for leases that have ended; no read blocks longer than to the next. */
const sweep = { shortest: 50, longest: 2000, perLease: 6 }

/** What is asked of a look. */
interface Wanted {
  readonly room: number
  readonly lease: number
  readonly early: boolean
  readonly suspects: number
  /** Leases that have ended are looked for, whether or not it is time. */
  readonly sweep: boolean
  readonly shares: readonly number[] | undefined
}

/** What is known of the queues of a worker between its requests. Times are of the monotonic clock. */
interface Watch {
  readonly queues: readonly string[]
  /** Whose turn it is to be served first. */
  turn: number
  lines: ReadLines
  /** A claim needs a look, whatever the time. */
  special: boolean
  lookAt: number
  sweepAt: number
  /** Milliseconds between two sweeps. */
  every: number
  /** The stamp of the bell before the last look. */
  stamp: number
  /** The last read brought as much as it may: there is more, and no read need block. */
  full: boolean
  /** What settles may claim until the next request: see {@link RedisReceiver.settleClaims}. */
  freeClaims: number
}

/** What settles of a worker of several queues claim without a look at the others. */
const mostFreeClaims = 16

/** Receives for one transport. */
export class RedisReceiver {
  readonly #store: RedisStore
  readonly #reads: BlockingReads
  readonly #extend: (claims: readonly Claim[], lease: number) => Promise<ExtendReport>
  readonly #watches = new WeakMap<readonly string[], Watch>()

  constructor(
    store: RedisStore,
    reads: BlockingReads,
    extend: (claims: readonly Claim[], lease: number) => Promise<ExtendReport>,
  ) {
    this.#store = store
    this.#reads = reads
    this.#extend = extend
  }

  /** @throws StoreError */
  async receive(request: ReceiveRequest, stopping: AbortSignal): Promise<readonly Delivery[]> {
    const { room, lease, signal, wait = Infinity, early = false, suspects = -1, shares } = request
    const { clock } = this.#store.around
    const watch = this.#watchOf(request.queues)
    // A plain read knows of no shares: what it may bring is one message of each line.
    const strict = early || wait === 0 || shares !== undefined
    let asked = clock.monotonic()
    if (watch.full && !strict && !this.#needsLook(watch) && watch.lines.count <= room) {
      watch.freeClaims = 0
      const read = await this.#readNow(watch, { room, lease })
      if (read.chunks.length > 0)
        return this.#stillOurs(await handOut(this.#store, read), { asked, lease })
    }
    const deadline = clock.monotonic() + wait
    for (let looks = 0; ;) {
      if (signal.aborted || stopping.aborted) return []
      if (strict || this.#needsLook(watch)) {
        if (wait > 0) await this.#store.subscriber.hearWork()
        asked = clock.monotonic()
        watch.freeClaims = 0
        const found = await this.#look(watch, {
          ...{ room, lease, early, suspects, shares },
          sweep: wait === 0,
        })
        if (found.length > 0) return this.#stillOurs(found, { asked, lease })
      }
      const now = clock.monotonic()
      asked = now
      const left = Math.min(deadline, watch.lookAt) - now
      // What comes back is left to others first: who only looks, looks once more.
      if (deadline <= now && (looks++ > 0 || watch.lookAt > now)) return []
      if (left <= 0) continue
      watch.freeClaims = mostFreeClaims
      const read = await this.#reads.read({
        lines: watch.lines,
        consumer: this.#store.consumer(lease),
        room: shares === undefined ? room : Math.min(room, watch.lines.count),
        wait: left,
        stamp: watch.stamp,
        signals: [signal, stopping],
      })
      watch.full = read.full
      if (read.chunks.length > 0)
        return this.#stillOurs(await handOut(this.#store, read), { asked, lease })
      // Whatever has ended it, the next thing is a look.
      watch.lookAt = 0
    }
  }

  /**
   * What a settle may claim besides, where no more than the heads of the streams need be looked at; `undefined`: nothing
   * now. Among several queues only while nothing waits in any: the last request had to wait.
   */
  settleClaims({ queues, room, lease }: NextRequest): SettleClaims | undefined {
    const watch = this.#watchOf(queues)
    if (room < 1 || queues.length === 0 || this.#needsLook(watch)) return undefined
    if (watch.queues.length > 1 && (watch.freeClaims -= room) < 0) return undefined
    const streams = watch.queues.map((queue) => this.#store.keys.queue(queue).stream)
    return { streams, consumer: this.#store.consumer(lease), room, found: [], takenBack: 0 }
  }

  /** What it has claimed. */
  async claimedBySettle(
    { found, takenBack }: SettleClaims,
    { queues, lease, asked }: { queues: readonly string[]; lease: number; asked: number },
  ): Promise<readonly Delivery[]> {
    if (found.length === 0) return []
    const chunks = newChunks(this.#watchOf(queues).lines.byStream, found)
    const read = { chunks, cancels: false, full: false, takenBack }
    return this.#stillOurs(await handOut(this.#store, read), { asked, lease })
  }

  /**
   * Leaves out what is not ours any more. A read that waits may be answered while this process is stopped, or
   * cut off: by the time it sees the answer the leases may have ended, and others run what it was handed.
   */
  async #stillOurs(
    deliveries: readonly Delivery[],
    { asked, lease }: { asked: number; lease: number },
  ): Promise<readonly Delivery[]> {
    if (this.#store.around.clock.monotonic() - asked < lease / 2) return deliveries
    const { lost } = await this.#extend(deliveries, lease)
    const gone = new Set(lost.map(({ token }) => token))
    return deliveries.filter(({ token }) => !gone.has(token))
  }

  #watchOf(queues: readonly string[]): Watch {
    let watch = this.#watches.get(queues)
    if (watch === undefined) {
      const distinct = [...new Set(queues)]
      const lines = linesToRead(
        this.#store,
        distinct.map((queue) => ({ queue, lines: '4' })),
      )
      const { longest } = sweep
      const times = { lookAt: 0, sweepAt: 0, every: longest, stamp: -1 }
      const known = { special: false, full: false, freeClaims: 0 }
      watch = { queues: distinct, turn: 0, lines, ...known, ...times }
      this.#watches.set(queues, watch)
    }
    return watch
  }

  #needsLook({ special, lookAt, stamp }: Watch): boolean {
    const { work, around } = this.#store
    return special || stamp !== work.stamp || around.clock.monotonic() >= lookAt
  }

  /** What the streams have now. */
  async #readNow(watch: Watch, of: { room: number; lease: number }): Promise<PlainRead> {
    const { room, lease } = of
    const order = { lines: watch.lines, consumer: this.#store.consumer(lease), room }
    const read = await readPlainly(this.#store.commands, this.#store, order)
    watch.full = read.full
    return read
  }

  async #look(watch: Watch, wanted: Wanted): Promise<readonly Delivery[]> {
    const { room, lease, early, suspects, shares = [] } = wanted
    const store = this.#store
    const { clock } = store.around
    for (const queue of watch.queues) await store.ensureGroup(queue)
    watch.stamp = store.work.stamp
    const at = clock.monotonic()
    const sweeps = wanted.sweep || at >= watch.sweepAt
    // Who is served first turns with each look.
    const from = shares.length > 0 ? 0 : watch.turn++ % watch.queues.length
    const turned = [...watch.queues.slice(from), ...watch.queues.slice(0, from)]
    const answer = await store.run(
      claimScript,
      turned.map((queue) => store.keys.queue(queue).stream),
      [
        store.consumer(lease),
        room,
        suspects === Infinity ? -1 : suspects,
        early ? 1 : 0,
        sweeps ? 1 : 0,
        store.foreignIdle,
        ...queueArguments(store, turned),
        shares.length,
        ...shares,
      ],
    )
    const { chunks, now, due, shortest, lines, special } = readAnswer(answer, turned)
    if (sweeps) {
      const every = Math.min(shortest ?? Infinity, lease) / sweep.perLease
      watch.every = Math.min(sweep.longest, Math.max(sweep.shortest, every))
      watch.sweepAt = at + watch.every
    }
    // Left over are suspects: the next look finds them only by another sweep.
    if (special === 2) watch.sweepAt = at
    watch.special = special > 0
    const untilDue = due === undefined ? Infinity : Math.max(0, due - now)
    watch.lookAt = Math.min(at + untilDue, Math.max(watch.sweepAt, at + sweep.shortest))
    watch.lines = linesToRead(
      store,
      watch.queues.map((queue) => ({ queue, lines: lines[turned.indexOf(queue)] ?? '4' })),
    )
    watch.full = chunks.reduce((sum, { entries }) => sum + entries.length, 0) >= room
    return deliveriesOf(store, chunks)
  }
}

type RawChunk = readonly [
  queue: number,
  line: string,
  entries: readonly Entry[],
  counts: readonly number[],
  redeliveries: readonly number[],
  reasons: readonly string[],
]

/** What a claim or a recovery answers. */
export interface ClaimAnswer {
  /** The store's time, and the next moment at which something becomes due. */
  readonly now: number
  readonly due: number | undefined
  readonly shortest: number | undefined
  readonly lines: readonly string[]
  /** 1: the next claim needs a look; 2: and that look a sweep. */
  readonly special: number
  readonly chunks: readonly Chunk[]
}

/** Reads it. */
export function readAnswer(answer: unknown, queues: readonly string[]): ClaimAnswer {
  const [now, due, shortest, lines, special, chunks] = answer as [
    string,
    string,
    string,
    string,
    number,
    readonly RawChunk[],
  ]
  return {
    now: Number(now),
    due: due === '' ? undefined : Number(due),
    shortest: shortest === '' ? undefined : Number(shortest),
    lines: lines.split(','),
    special,
    chunks: chunks.map(([queue, line, entries, counts, redeliveries, reasons]): Chunk => ({
      queue: queues[queue - 1] ?? '',
      line,
      entries,
      counts,
      redeliveries,
      reasons,
    })),
  }
}
