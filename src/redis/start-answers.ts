/**
 * Whether steps of workflows may start, known ahead. The settle that releases a step answers what a check of it
 * would answer at that moment, with the take-back count: how often, of all runs, something released was taken
 * back (a run was cancelled, failed, was resumed). The read that claims the step brings that count too. Where both
 * are the same nothing was taken back from the release to the claim, so a check at the claim would answer the
 * same, and a round trip is spared. Where they are not, or one is missing, or the step has waited since it was
 * claimed, the store is asked.
 */
import type { Delivery } from '../core/delivery.ts'
import { nodeId, type NodePlace } from '../core/node-id.ts'
import type { StartAnswer } from '../core/workflow-store.ts'

interface Ahead {
  readonly count: number
  readonly answer: StartAnswer
}

interface Claimed {
  /** That came with the read; `undefined`: none did. */
  readonly count: number | undefined
  /** Milliseconds of the monotonic clock. */
  readonly at: number
}

/**
 * Milliseconds after a claim in which an answer about that moment will do. What is cancelled meanwhile is told to those
 * who hold it; a step that has waited for a slot may have missed that, and is asked about when it starts.
 */
const soon = 20

/** Steps that others start are never asked for here: the oldest are let go. */
const mostKept = 256
/** More come from a backlog, whose steps are checked many at a time. */
const fewDeliveries = 8

/** See the top of the file. Of one store in one process. */
export class StartAnswers {
  readonly #ahead = new Map<string, Ahead>()
  /** The counts of reads, by the ids that they claimed. */
  readonly #claimed = new Map<string, Claimed & { readonly count: number }>()
  /** Whether this process runs steps: only then reads ask for the count. */
  wanted = false
  /** Settles under way that may bring answers. */
  underWay = 0

  /** A settle has released this step. */
  released(id: string, ahead: Ahead): void {
    put(this.#ahead, id, ahead)
  }

  /** What was handed out. */
  claimed(deliveries: readonly Delivery[], { count, at }: Claimed): void {
    if (count === undefined || deliveries.length > fewDeliveries) {
      // Claimed again by other ways: an older count says nothing of that.
      if (this.#claimed.size > 0) for (const { id } of deliveries) this.#claimed.delete(id)
      return
    }
    for (const { id } of deliveries) put(this.#claimed, id, { count, at })
  }

  /** Whether an answer that is on its way would be of use. */
  isAwaited(place: NodePlace): boolean {
    return this.underWay > 0 && this.#claimed.has(nodeId(place))
  }

  /** The answer for a step that was claimed just now, once; `undefined` where the store must be asked. */
  take(place: NodePlace, now: number): StartAnswer | undefined {
    const id = nodeId(place)
    const ahead = this.#ahead.get(id)
    if (ahead === undefined) return undefined
    const claimed = this.#claimed.get(id)
    this.#ahead.delete(id)
    this.#claimed.delete(id)
    if (claimed === undefined || now - claimed.at > soon) return undefined
    return claimed.count === ahead.count ? ahead.answer : undefined
  }
}

function put<T>(map: Map<string, T>, id: string, value: T): void {
  map.delete(id)
  map.set(id, value)
  if (map.size <= mostKept) return
  for (const oldest of map.keys()) {
    map.delete(oldest)
    return
  }
}
