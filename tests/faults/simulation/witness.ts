import type { MemoryStore } from '../../../src/memory/memory-store.ts'
import type { TaskContext } from '../../../src/core/context.ts'
import type { Claim, Delivery, LeaseToken } from '../../../src/core/delivery.ts'
import type { Entry, Fact } from '../worker/ledger.ts'
import type { Plan } from './plans.ts'
import type { SimulatedProcess } from './simulated-process.ts'
import type { World } from './world.ts'

/** What the rules of one run are. */
export interface Rules {
  readonly plans: ReadonlyMap<string, Plan>
  readonly redeliveries: number
}

/** What is known of one message from outside. */
interface Known {
  firstAttemptAt: number
  lastAttemptAt: number
  acknowledged: boolean
  cancelledAt: number
  result: unknown
  /** Claims that may have ended with a lost lease. */
  readonly lost: Set<LeaseToken>
}

/**
 * Sees everything that happens in a simulated run, writes it down, and checks at each step what must
 * always hold. The first thing that does not is kept.
 */
export class Witness {
  readonly entries: Entry[] = []
  /** The first violation, with the time of it. */
  finding: string | undefined
  readonly #world: World
  readonly #store: MemoryStore
  readonly #rules: Rules
  readonly #known = new Map<string, Known>()
  /** To whom and when the store gave each token. */
  readonly #given = new Map<LeaseToken, { readonly pid: number; readonly at: number }>()
  /** The token under which a process holds a message, as far as it was told. */
  readonly #held = new Map<string, LeaseToken>()
  readonly #suspects = new Map<number, Set<string>>()
  /** The machine's clock was set: times mean nothing any more. */
  stepped = false
  #ticks = 0

  constructor(world: World, store: MemoryStore, rules: Rules) {
    this.#world = world
    this.#store = store
    this.#rules = rules
  }

  /** Writes down what a process tells. */
  tell(pid: number, facts: readonly Fact[]): void {
    for (const fact of facts) {
      // Facts of one moment keep their order.
      const at = this.#world.elapsed * 1000 + ++this.#ticks / 1e6
      this.entries.push({ ...fact, at, pid })
      // Tokens of the memory transport are numbers, and texts in the ledger.
      if (fact.kind === 'claim') this.#held.set(`${pid} ${fact.id}`, Number(fact.token))
      else if (fact.kind === 'attempt') this.#attempted(fact.id)
      else if (fact.kind === 'ack') this.#knownOf(fact.id).acknowledged = true
    }
  }

  /** The store has handed out claims. */
  claimed(pid: number, deliveries: readonly Delivery[]): void {
    for (const { id, token, redeliveries } of deliveries) {
      this.#given.set(token, { pid, at: this.#world.elapsed })
      const known = this.#knownOf(id)
      if (redeliveries > known.lost.size)
        this.find(`${id} is told to have lost ${redeliveries} leases, and lost ${known.lost.size}`)
      known.lost.add(token)
    }
  }

  /** Claims that the store has taken back in order: given back, or to run again (`again`). */
  endedClaims(claims: readonly Claim[], again: boolean): void {
    for (const { id, token } of claims) {
      const { lost } = this.#knownOf(id)
      if (again) lost.clear()
      else lost.delete(token)
    }
  }

  /** A cancel was answered with true. */
  cancelled(id: string): void {
    this.#knownOf(id).cancelledAt = this.#world.elapsed
  }

  /** Ids whose cancel was answered with true. */
  cancelledIds(): string[] {
    return [...this.#known].flatMap(([id, { cancelledAt }]) => (cancelledAt < Infinity ? [id] : []))
  }

  /** A handler begins. */
  started(process: SimulatedProcess, ctx: TaskContext): void {
    const { taskId: id, attempt, redeliveries } = ctx
    const { elapsed } = this.#world
    const plan = this.#rules.plans.get(id)
    const { firstAttemptAt, lastAttemptAt, cancelledAt } = this.#knownOf(id)
    const token = this.#held.get(`${process.pid} ${id}`)
    const live = this.#store.messages.get(id)?.token === token
    if (!live && elapsed > process.hinderedUntil && !this.stepped)
      this.find(`${id} ran without a live claim`)
    if (redeliveries > this.#rules.redeliveries)
      this.find(`${id} ran after ${redeliveries} lost leases`)
    if (plan !== undefined && attempt > plan.retries + 1)
      this.find(`${id} ran a ${attempt}th time, with ${plan.retries} retries`)
    if (!this.stepped && elapsed < firstAttemptAt + (plan?.delay ?? 0) - 1)
      this.find(`${id} ran before its time`)
    if (!this.stepped && elapsed > lastAttemptAt + (plan?.expiry ?? Infinity) + 1)
      this.find(`${id} ran after it had expired`)
    if (token !== undefined && (this.#given.get(token)?.at ?? 0) > cancelledAt)
      this.find(`${id} was claimed and run after its cancel was acknowledged`)
    if (redeliveries > 0) {
      const suspects = this.#suspects.get(process.pid) ?? new Set()
      this.#suspects.set(process.pid, suspects.add(id))
      if (suspects.size > 1)
        this.find(`suspects run beside each other: ${[...suspects].join(', ')}`)
    }
  }

  /** A handler has ended, or its slot was freed. */
  ended(process: SimulatedProcess, id: string): void {
    this.#suspects.get(process.pid)?.delete(id)
  }

  /** A worker has stopped in order: nothing is left in its hands. */
  stopped({ pid, hinderedUntil }: SimulatedProcess): void {
    if (this.#world.elapsed <= hinderedUntil || this.stepped) return
    for (const { id, token } of this.#store.messages.values()) {
      if (token !== undefined && this.#given.get(token)?.pid === pid)
        this.find(`${id} is still held by a worker that has stopped`)
    }
  }

  /** What must hold after each step. */
  look(): void {
    const { messages, dead, results, queues } = this.#store
    let waiting = 0
    for (const queue of queues.values())
      waiting += queue.queued + queue.due.size + queue.leases.size
    if (waiting !== messages.size)
      this.find(`${messages.size} messages are stored, and ${waiting} are in a line`)
    const now = this.#world.wall + this.#world.elapsed
    for (const [id, known] of this.#known) {
      const result = results.get(id, now)
      if (known.result !== null && result !== known.result) this.find(`the result of ${id} changed`)
      known.result = result
      const stored = messages.get(id)
      const places = (stored === undefined ? 0 : 1) + (result === null && !dead.has(id) ? 0 : 1)
      if (places > 1) this.find(`${id} has ended and is ${stored?.state}`)
      if (places === 0 && known.acknowledged) this.find(`${id} is nowhere`)
      if (stored !== undefined && (stored.state === 'running') !== (stored.token !== undefined))
        this.find(`${id} is ${stored.state} with token ${String(stored.token)}`)
    }
  }

  /** Keeps the first violation. */
  find(what: string): void {
    this.finding ??= `at ${Math.round(this.#world.elapsed)} ms: ${what}`
  }

  #attempted(id: string): void {
    const known = this.#knownOf(id)
    known.firstAttemptAt = Math.min(known.firstAttemptAt, this.#world.elapsed)
    known.lastAttemptAt = this.#world.elapsed
  }

  #knownOf(id: string): Known {
    let known = this.#known.get(id)
    if (known === undefined) {
      known = {
        firstAttemptAt: Infinity,
        lastAttemptAt: -Infinity,
        acknowledged: false,
        cancelledAt: Infinity,
        result: null,
        lost: new Set(),
      }
      this.#known.set(id, known)
    }
    return known
  }
}
