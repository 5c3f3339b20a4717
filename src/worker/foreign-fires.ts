/**
 * Tells fires of our schedulers from those of another one on the same plans, such as TaskIQ's: theirs name the
 * plan (`schedule_id`), but no slot (`tw_slot`), since they decide none. A plan of which a worker sees both is
 * fired by two schedulers.
 */
import type { Message } from '../core/message.ts'
import type { Logger } from '../core/logger.ts'

/** What to do with messages of plans that a scheduler of another kind sent: run them, or leave them out. */
export type ForeignFirePolicy = 'run' | 'drop'

/** So many plans are remembered, the last ones. */
const mostPlans = 10_000

/** See the top of the file. One for each worker. */
export class ForeignFires {
  readonly #policy: ForeignFirePolicy
  readonly #logger: Logger
  /** By plan: who was seen to fire it. */
  readonly #seen = new Map<string, { ours: boolean; theirs: boolean }>()
  #count = 0

  constructor(policy: ForeignFirePolicy, logger: Logger) {
    this.#policy = policy
    this.#logger = logger
  }

  /** Messages that were not of our schedulers. */
  get count(): number {
    return this.#count
  }

  /** Why a message is left out; `undefined` where it may run. */
  look({ labels, task, id }: Message): string | undefined {
    const plan = labels['schedule_id']
    if (typeof plan !== 'string') return undefined
    const theirs = labels['tw_slot'] === undefined
    const before = this.#seen.get(plan) ?? { ours: false, theirs: false }
    const now = { ours: before.ours || !theirs, theirs: before.theirs || theirs }
    if (now.ours !== before.ours || now.theirs !== before.theirs) this.#remember(plan, now)
    if (now.ours && now.theirs && !(before.ours && before.theirs)) {
      this.#logger.warn(
        `schedule '${plan}' is fired by two schedulers: ours, and one whose messages name no slot, such as TaskIQ's. Run one of them, or let this worker leave out the other's: foreignFires: 'drop'`,
        { task, id },
      )
    }
    if (!theirs) return undefined
    this.#count++
    return this.#policy === 'drop'
      ? `a scheduler of another kind sent it for schedule '${plan}', which ours fires`
      : undefined
  }

  #remember(plan: string, now: { ours: boolean; theirs: boolean }): void {
    this.#seen.delete(plan)
    if (this.#seen.size >= mostPlans) this.#seen.delete(this.#seen.keys().next().value ?? '')
    this.#seen.set(plan, now)
  }
}
