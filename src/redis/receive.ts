/**
 * Receiving: a script looks for what may be claimed, best first; where there is nothing, a read blocks
 * on the lines of the queues until something comes, or until the next moment at which something becomes
 * claimable by itself.
 */
import type { Delivery } from '../core/delivery.ts'
import type { ReceiveRequest } from '../core/transport.ts'
import type { BlockingReads } from './blocking-reads.ts'
import { queueArguments } from './claim-batch.ts'
import { deliveriesOf, type Chunk, type Entry } from './entries.ts'
import type { RedisStore } from './redis-store.ts'
import { claimScript } from './scripts/claim-script.ts'

/** Milliseconds of a read that blocks, at most; and between two looks for leases that have ended. */
const longestBlock = 2000
const sweep = { shortest: 50, longest: 2000, perLease: 6 }

/** What a look found, and when the next one is due. */
export interface Look {
  readonly deliveries: readonly Delivery[]
  /** Milliseconds until something is due by itself; Infinity where nothing is. */
  readonly due: number
  /** The shortest lease of those who hold something. */
  readonly shortest: number
  /** The lines of each queue. */
  readonly lines: readonly string[]
}

/** A request with every choice made. */
export type Wanted = Required<Pick<ReceiveRequest, 'queues' | 'room' | 'lease'>> & {
  readonly early: boolean
  readonly suspects: number
}

/** Receives for one transport. */
export class RedisReceiver {
  readonly #store: RedisStore
  readonly #reads: BlockingReads
  #turn = 0

  constructor(store: RedisStore, reads: BlockingReads) {
    this.#store = store
    this.#reads = reads
  }

  /** @throws StoreError */
  async receive(request: ReceiveRequest, stopping: AbortSignal): Promise<readonly Delivery[]> {
    const { room, lease, signal, wait = Infinity, early = false, suspects = -1 } = request
    const queues = [...new Set(request.queues)]
    const { clock } = this.#store.around
    const deadline = clock.monotonic() + wait
    if (wait > 0) await this.#store.subscriber.hearWork()
    for (const queue of queues) await this.#store.ensureGroup(queue)
    const signals = [signal, stopping]
    for (;;) {
      if (signals.some(({ aborted }) => aborted)) return []
      const stamp = this.#store.work.stamp
      const found = await this.#look({ queues, room, lease, early, suspects })
      const left = deadline - clock.monotonic()
      if (found.deliveries.length > 0 || left <= 0) return found.deliveries
      const every = Math.min(found.shortest, lease) / sweep.perLease
      const pause = Math.min(
        longestBlock,
        found.due,
        left,
        Math.min(sweep.longest, Math.max(sweep.shortest, every)),
      )
      const read = await this.#reads.read({
        queues: queues.map((queue, i) => ({ queue, lines: found.lines[i] ?? '4' })),
        consumer: this.#store.consumer(lease),
        room,
        wait: pause,
        stamp,
        signals,
      })
      if (read.length > 0) return deliveriesOf(this.#store, read)
    }
  }

  async #look({ queues, room, lease, early, suspects }: Wanted): Promise<Look> {
    // Who is served first turns with each look.
    const from = this.#turn++ % queues.length
    const turned = [...queues.slice(from), ...queues.slice(0, from)]
    const answer = await this.#store.run(
      claimScript,
      turned.map((queue) => this.#store.keys.queue(queue).stream),
      [
        this.#store.consumer(lease),
        room,
        suspects === Infinity ? -1 : suspects,
        early ? 1 : 0,
        1,
        this.#store.foreignIdle,
        ...queueArguments(this.#store, turned),
      ],
    )
    const { chunks, now, due, shortest, lines } = readAnswer(answer, turned)
    return {
      deliveries: await deliveriesOf(this.#store, chunks),
      due: due === undefined ? Infinity : Math.max(0, due - now),
      shortest: shortest ?? Infinity,
      lines: queues.map((queue) => lines[turned.indexOf(queue)] ?? '4'),
    }
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
  readonly chunks: readonly Chunk[]
}

/** Reads it. */
export function readAnswer(answer: unknown, queues: readonly string[]): ClaimAnswer {
  const [now, due, shortest, lines, , chunks] = answer as [
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
