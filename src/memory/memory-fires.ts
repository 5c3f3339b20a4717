import { adoptedState, decideFire, afterStoring, type FireFacts } from '../core/fire-decision.ts'
import type { Adoption, Fire, FireAnswer, FireState, Leadership } from '../core/fire-ledger.ts'
import type { Envelope } from '../core/message.ts'
import { runOfMessage } from '../core/node-id.ts'
import type { SendStatus } from '../core/transport.ts'
import { isGoing, type RunState } from '../core/workflow-store.ts'
import { checkEnvelope } from './memory-checks.ts'
import { MemoryPlans } from './memory-plans.ts'

/** How long a plan that is gone, or a leader that is, is remembered. */
const remembered = 86_400_000

interface Known {
  print: string
  state: FireState
  /** When it may be dropped: the plan is gone. */
  until: number
}

/** The store in which slots are decided. */
export interface FiringStore {
  readonly messages: ReadonlyMap<string, unknown>
  readonly graphs: { run(run: string): { readonly state: RunState } | undefined }
  readonly queues: ReadonlyMap<string, { readonly cap: number | null; readonly waiting: number }>
}

type Place = (envelope: Envelope, now: number) => SendStatus

/** What is known of the fires of plans, and who leads. Every step is synchronous, so atomic. */
export class MemoryFires {
  /** The plans that are kept in the same store. */
  readonly plans: MemoryPlans = new MemoryPlans()
  readonly #plans = new Map<string, Known>()
  readonly #leaders = new Map<string, Leadership>()
  readonly #store: FiringStore
  readonly #place: Place

  /** `place` stores a message, unless its id is known. */
  constructor(store: FiringStore, place: Place) {
    this.#store = store
    this.#place = place
  }

  adopt(plans: readonly Adoption[], now: number): FireState[] {
    this.#sweep(now)
    return plans.map((plan) => {
      const known = this.#plans.get(plan.id)
      const same = known?.print === plan.print
      if (same && known.until === Infinity) return known.state
      const state = adoptedState(known?.state, plan, same)
      this.#plans.set(plan.id, { print: plan.print, state, until: Infinity })
      return state
    })
  }

  state(id: string): FireState | null {
    return this.#plans.get(id)?.state ?? null
  }

  /** Decides slots in order. Checked before the first write. */
  fireAll(fires: readonly Fire[], now: number): FireAnswer[] {
    for (const { envelope } of fires) if (envelope !== null) checkEnvelope(envelope)
    const { messages, graphs, queues } = this.#store
    const lives = (id: string): boolean => {
      const run = runOfMessage(id)
      return messages.has(id) || (run !== undefined && isGoing(graphs.run(run)?.state))
    }
    const hasRoom = (name: string): boolean => {
      const queue = queues.get(name)
      return queue === undefined || queue.cap === null || queue.waiting < queue.cap
    }
    return fires.map((fire) => this.#fire(fire, { now, lives, hasRoom }))
  }

  #fire(fire: Fire, facts: FireFacts): FireAnswer {
    const known = this.#plans.get(fire.id)
    if (known === undefined || known.until !== Infinity) return 'unknown'
    const before = known.state
    let decision = decideFire(before, fire, facts)
    if (decision.answer === 'fired' && fire.envelope !== null) {
      decision = afterStoring(before, decision, this.#place(fire.envelope, facts.now))
    }
    known.state = decision.state
    return decision.answer
  }

  pause(ids: readonly string[], paused: boolean, now: number): string[] {
    return ids.filter((id) => {
      const known = this.#plans.get(id)
      if (known === undefined || known.until !== Infinity) return false
      if (known.state.paused === paused) return true
      // What passed during the pause is none of its slots.
      const mark = paused ? known.state.mark : Math.max(known.state.mark, now)
      known.state = { ...known.state, paused, mark }
      return true
    })
  }

  forget(ids: readonly string[], now: number): void {
    for (const id of ids) {
      const known = this.#plans.get(id)
      if (known !== undefined) {
        known.until = Math.min(known.until, now + remembered)
        known.state = { ...known.state, waiting: null }
      }
    }
  }

  lead(
    {
      group,
      holder,
      lease,
      report,
    }: { group: string; holder: string; lease: number; report: string },
    now: number,
  ): Leadership {
    const leader = this.#leaders.get(group)
    if (leader !== undefined && leader.holder !== holder && leader.until > now) return leader
    const taken = { group, holder, until: now + lease, report }
    this.#leaders.set(group, taken)
    return taken
  }

  resign(group: string, holder: string, now: number): void {
    const leader = this.#leaders.get(group)
    if (leader?.holder === holder) {
      this.#leaders.set(group, { ...leader, until: Math.min(leader.until, now) })
    }
  }

  leaders(now: number): Leadership[] {
    this.#sweep(now)
    return [...this.#leaders.values()]
  }

  #sweep(now: number): void {
    for (const [id, { until }] of this.#plans) if (until <= now) this.#plans.delete(id)
    for (const [group, { until }] of this.#leaders) {
      if (until + remembered <= now) this.#leaders.delete(group)
    }
  }
}
