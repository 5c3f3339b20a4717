import { createHash } from 'node:crypto'
import { DefinitionError, UnsupportedError } from '../core/errors.ts'
import type { SchedulePlan } from '../core/schedule-plan.ts'
import type { PlanReading, ScheduleSource } from '../core/schedule-source.ts'
import type { BrokerIdentity } from '../broker/broker-identity.ts'
import { makePlan } from '../broker/make-plan.ts'
import { runtimeOf } from '../broker/runtime.ts'

/** Marks the source that reads the `schedule` options of tasks. */
const labelSources = new WeakSet<ScheduleSource>()

/** Whether a source is a {@link labelSource}. */
export function isLabelSource(source: ScheduleSource): boolean {
  return labelSources.has(source)
}

/**
 * The plans that stand at their tasks: `broker.task({ name, schedule: [{ cron: '0 5 * * *' }] }, …)`. A plan is
 * named after its task (further lines `name:2`, `name:3`…), unless the line has an `id`. Read at each start.
 */
export function labelSource(broker: BrokerIdentity): ScheduleSource {
  runtimeOf(broker)
  const source = codeSource('labels', async () => {
    const { registry } = runtimeOf(broker)
    const plans: SchedulePlan[] = []
    for (const task of registry.all()) {
      for (const [i, line] of task.schedule.entries()) {
        const id = i === 0 ? task.name : `${task.name}:${i + 1}`
        try {
          plans.push(await makePlan(task, line, { id }))
        } catch (error) {
          throw new DefinitionError(
            `task '${task.name}': schedule line ${i + 1}: ${(error as Error).message}`,
            { cause: error },
          )
        }
      }
    }
    return plans
  })
  labelSources.add(source)
  return source
}

/** A source whose plans are made by code, the same at each look. */
export function codeSource(
  name: string,
  make: () => Promise<readonly SchedulePlan[]>,
): ScheduleSource {
  let reading: Promise<PlanReading> | undefined
  let identity = `${name}:not started`
  const refuse = async (): Promise<never> => {
    throw new UnsupportedError(
      `schedule source '${name}' is written in code and cannot be changed.`,
    )
  }
  return {
    name,
    writable: false,
    get identity() {
      return identity
    },
    async start() {
      const plans = await make()
      // Two programs with the same plans are one group; another version of the program is another one.
      const ids = plans.map(({ id }) => id).sort()
      const stamp = createHash('sha256').update(JSON.stringify(ids)).digest('hex').slice(0, 16)
      identity = `${name}:${stamp}`
      reading = Promise.resolve({ stamp, whole: true, plans, removed: [] })
    },
    async stop() {},
    async read(since) {
      const { stamp, plans } = (await reading) ?? { stamp: '', plans: [] }
      const same = since === stamp
      return { stamp, whole: !same, plans: same ? [] : plans, removed: [] }
    },
    put: refuse,
    remove: refuse,
  }
}
