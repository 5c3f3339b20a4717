import type { Duration } from '../core/duration.ts'
import { DefinitionError, InvalidInputError } from '../core/errors.ts'
import type { ScheduleLine } from '../core/schedule-line.ts'
import type { SchedulePlan } from '../core/schedule-plan.ts'
import type { ScheduleSource } from '../core/schedule-source.ts'
import type { BrokerIdentity } from '../broker/broker-identity.ts'
import type { Canvas } from '../broker/canvas/canvas.ts'
import { partsOf } from '../broker/canvas/canvas-parts.ts'
import { makePlan } from '../broker/make-plan.ts'
import { runtimeOf } from '../broker/runtime.ts'
import { workflowPlan } from '../broker/schedule-task.ts'
import { codeSource } from './label-source.ts'

/** One entry: when, and which task, by itself or by name, or which workflow. */
export type ScheduleEntry = ScheduleLine &
  (
    | { readonly task: string | { readonly name: string }; readonly workflow?: undefined }
    | {
        /** A run of it is started at each slot. What it takes stands in `args`. */
        readonly workflow: Canvas<never, unknown>
        /** As of `kiqAs`. */
        readonly name?: string | undefined
        readonly deadline?: Duration | undefined
        readonly task?: undefined
      }
  )

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
    for (const [id, { task: named, workflow, ...line }] of Object.entries(entries)) {
      const name = typeof named === 'string' ? named : named?.name
      try {
        if (workflow !== undefined) {
          plans.push(await workflowPlan(runtimeOf(broker), partsOf(workflow).plan, { id, line }))
          continue
        }
        const task = registry.get(name ?? '')
        if (task === undefined) {
          throw new InvalidInputError(
            `the broker has no task '${String(name)}'. Import the module that defines it.`,
          )
        }
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
