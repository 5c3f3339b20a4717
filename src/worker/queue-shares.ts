import type { WorkerOptions } from './worker-options.ts'

/** The queues that a worker is told of, in their order. */
export function queueNames(asked: NonNullable<WorkerOptions['queues']>): readonly string[] {
  return isList(asked) ? asked : Object.keys(asked)
}

/** Whether they have no weights. `Array.isArray` does not tell a list that is read only. */
export function isList(queues: NonNullable<WorkerOptions['queues']>): queues is readonly string[] {
  return Array.isArray(queues)
}

/** How the room of a fetch is shared among the queues of a worker: by weights, or all to the first. */
export interface ShareRule {
  /** By queue; at least 1. */
  readonly weights: ReadonlyMap<string, number>
  /** A later queue only has what those before it leave. */
  readonly strict: boolean
}

/**
 * Deals room by weights so that the sums are right over time, also where there is room for one message only
 * (smooth weighted round robin): each queue has its part of every so many slots, and none starves.
 */
export class QueueShares {
  readonly #rule: ShareRule
  /** What each is owed, in parts of a slot. */
  readonly #owed = new Map<string, number>()

  constructor(rule: ShareRule) {
    this.#rule = rule
  }

  /** How much of the room each of these queues has first: whole numbers whose sum is the room. */
  deal(queues: readonly string[], room: number): readonly number[] {
    if (this.#rule.strict) return queues.map((_, i) => (i === 0 ? room : 0))
    const weights = queues.map((queue) => this.#rule.weights.get(queue) ?? 1)
    const total = weights.reduce((sum, weight) => sum + weight, 0)
    // Whole rounds leave what is owed as it is.
    const rounds = Math.floor(room / total)
    const shares = weights.map((weight) => weight * rounds)
    for (let rest = room - rounds * total; rest > 0; rest--) {
      const next = this.#next(queues, weights, total)
      shares[next] = (shares[next] ?? 0) + 1
    }
    return shares
  }

  #next(queues: readonly string[], weights: readonly number[], total: number): number {
    let best = 0
    let most = -Infinity
    for (const [i, queue] of queues.entries()) {
      const owed = (this.#owed.get(queue) ?? 0) + (weights[i] ?? 1)
      this.#owed.set(queue, owed)
      if (owed <= most) continue
      best = i
      most = owed
    }
    this.#owed.set(queues[best] ?? '', most - total)
    return best
  }
}
