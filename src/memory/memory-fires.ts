import { adoptedState, decideFire, type FireFacts } from '../core/fire-decision.ts'
import type { Adoption, Fire, FireAnswer, FireState, Leadership } from '../core/fire-ledger.ts'
import type { Envelope } from '../core/message.ts'
import type { SendStatus } from '../core/transport.ts'

/** How long a plan that is gone, or a leader that is, is remembered. */
const remembered = 86_400_000

interface Known {
  print: string
  state: FireState
  /** When it may be dropped: the plan is gone. */
  until: number
}

/** What is known of the fires of plans, and who leads. Every step is synchronous, so atomic. */
export class MemoryFires {
  readonly #plans = new Map<string, Known>()
  readonly #leaders = new Map<string, Leadership>()

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

  /** Decides one slot; `place` stores its message. */
  fire(fire: Fire, facts: FireFacts, place: (envelope: Envelope) => SendStatus): FireAnswer {
    const known = this.#plans.get(fire.id)
    if (known === undefined || known.until !== Infinity) return 'unknown'
    const { answer, state } = decideFire(known.state, fire, facts)
    if (answer === 'fired' && fire.envelope !== null && place(fire.envelope) === 'known') {
      known.state = { ...state, fired: known.state.fired }
      return 'decided'
    }
    known.state = state
    return answer
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
