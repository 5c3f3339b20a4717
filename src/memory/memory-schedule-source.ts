import type { SchedulePlan } from '../core/schedule-plan.ts'
import type { PlanReading, ScheduleSource } from '../core/schedule-source.ts'
import { memoryStore } from './named-stores.ts'
import type { MemoryStore } from './memory-store.ts'

/** Options of {@link memoryScheduleSource}. */
export interface MemoryScheduleSourceOptions {
  /** Shares the plans of all sources and transports of this name in this process. Default: plans of its own. */
  readonly store?: string | undefined
}

/**
 * Keeps plans in this process, for tests and for programs that make them anew at each start.
 *
 * @example
 * ```ts
 * import { memoryScheduleSource } from 'taskwright/memory'
 *
 * export const plans = memoryScheduleSource()
 * ```
 */
export function memoryScheduleSource(options: MemoryScheduleSourceOptions = {}): ScheduleSource {
  return new MemoryScheduleSource(memoryStore(options.store))
}

/** The plans of a memory store. */
export class MemoryScheduleSource implements ScheduleSource {
  readonly name = 'memory'
  readonly identity: string
  readonly writable = true
  readonly #store: MemoryStore

  constructor(store: MemoryStore) {
    this.#store = store
    this.identity = store.identity
  }

  async start(): Promise<void> {}

  async stop(): Promise<void> {}

  async read(since?: string): Promise<PlanReading> {
    return this.#store.fires.plans.read(since)
  }

  async put(plans: readonly SchedulePlan[]): Promise<void> {
    this.#store.fires.plans.put(plans)
  }

  async remove(ids: readonly string[]): Promise<readonly string[]> {
    return this.#store.fires.plans.remove(ids)
  }
}
