import { DefinitionError } from '../core/errors.ts'
import type { ScheduleLine } from '../core/schedule-line.ts'
import type { SchedulePlan } from '../core/schedule-plan.ts'
import type { ScheduleSource } from '../core/schedule-source.ts'
import type { BrokerIdentity } from '../broker/broker-identity.ts'
import { makePlan } from '../broker/make-plan.ts'
import { runtimeOf } from '../broker/runtime.ts'
import { codeSource } from './label-source.ts'

/** One entry: when, and which task, by itself or by name. */
export type ScheduleEntry = ScheduleLine & { readonly task: string | { readonly name: string } }

/** Plans by id, as Celery's `beat_schedule`: plain data, so a function that builds it can be tested by itself. */
export type ScheduleEntries = Readonly<Record<string, ScheduleEntry>>

/**
 * Plans that a program builds from its settings.
 *
 * @example
 * ```ts
 * import { configSource, createBroker, createScheduler, type ScheduleEntries } from 'taskwright'
 *
 * const broker = createBroker('memory:')
 * const ping = broker.task('ping', async () => {})
 *
 * export function buildSchedule(settings: { pingEvery?: number }): ScheduleEntries {
 *   return settings.pingEvery === undefined ? {} : { ping: { task: ping, every: settings.pingEvery } }
 * }
 * export const scheduler = createScheduler({
 *   broker,
 *   sources: [configSource(broker, buildSchedule({ pingEvery: 60_000 }))],
 * })
 * ```
 */
export function configSource(broker: BrokerIdentity, entries: ScheduleEntries): ScheduleSource {
  runtimeOf(broker)
  return codeSource('config', async () => {
    const { registry } = runtimeOf(broker)
    const plans: SchedulePlan[] = []
    for (const [id, { task: named, ...line }] of Object.entries(entries)) {
      const name = typeof named === 'string' ? named : named?.name
      const task = registry.get(name)
      if (task === undefined) {
        throw new DefinitionError(
          `schedule entry '${id}': the broker has no task '${String(name)}'. Import the module that defines it.`,
        )
      }
      try {
        plans.push(await makePlan(task, line, { id }))
      } catch (error) {
        throw new DefinitionError(`schedule entry '${id}': ${(error as Error).message}`, {
          cause: error,
        })
      }
    }
    return plans
  })
}
