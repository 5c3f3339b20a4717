import type { SchedulePlan } from '../core/schedule-plan.ts'
import type { PlanReading } from '../core/schedule-source.ts'

/** Removed plans that are remembered, for readers who ask what has changed; beyond it they read anew. */
const mostRemoved = 10_000

/** Plans by id, with the order of their changes. */
export class MemoryPlans {
  /** In the order of their last change. */
  readonly #plans = new Map<string, { readonly plan: SchedulePlan; readonly change: number }>()
  readonly #removed = new Map<string, number>()
  /** Changes up to this one cannot be told any more. */
  #floor = 0
  #change = 0

  read(since: string | undefined): PlanReading {
    const stamp = String(this.#change)
    const from = since === undefined ? Number.NaN : Number(since)
    if (!(from >= this.#floor && from <= this.#change)) {
      const plans = [...this.#plans.values()].map(({ plan }) => structuredClone(plan))
      return { stamp, whole: true, plans, removed: [] }
    }
    if (from === this.#change) return { stamp, whole: false, plans: [], removed: [] }
    const changed = [...this.#plans.values()].filter(({ change }) => change > from)
    const removed = [...this.#removed].filter(([, change]) => change > from)
    return {
      stamp,
      whole: false,
      plans: changed.map(({ plan }) => structuredClone(plan)),
      removed: removed.map(([id]) => id),
    }
  }

  put(plans: readonly SchedulePlan[]): void {
    for (const plan of structuredClone(plans)) {
      this.#plans.delete(plan.id)
      this.#removed.delete(plan.id)
      this.#plans.set(plan.id, { plan, change: ++this.#change })
    }
  }

  remove(ids: readonly string[]): string[] {
    return ids.filter((id) => {
      if (!this.#plans.delete(id)) return false
      this.#removed.set(id, ++this.#change)
      if (this.#removed.size > mostRemoved) {
        const [oldest] = this.#removed
        if (oldest !== undefined) {
          this.#floor = oldest[1]
          this.#removed.delete(oldest[0])
        }
      }
      return true
    })
  }
}
