import type { Middleware } from 'taskwright'
import type { Db } from '../data/tables.ts'

/** Upper edges of the times that are counted, in seconds. */
export const timeEdges = [0.01, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 1200] as const

/**
 * Counts every run of a task, and how long it took, in the database: all processes count in one place,
 * and a restart forgets nothing. A count that fails is no reason to fail a task.
 */
export function taskMetrics(database: () => Promise<Db>): Middleware {
  return {
    name: 'task-metrics',
    async execute({ message: { task } }, next) {
      const begun = performance.now()
      const count = async (outcome: 'succeeded' | 'failed'): Promise<void> => {
        const seconds = (performance.now() - begun) / 1000
        await addRun(await database(), { task, outcome, seconds }).catch(() => {})
      }
      let value: unknown
      try {
        value = await next()
      } catch (error) {
        await count('failed')
        throw error
      }
      await count('succeeded')
      return value
    },
  }
}

async function addRun(
  db: Db,
  run: { task: string; outcome: 'succeeded' | 'failed'; seconds: number },
): Promise<void> {
  const { task, outcome, seconds } = run
  const edge = timeEdges.find((upper) => seconds <= upper) ?? 'Inf'
  const rows = [
    { task, kind: outcome, value: 1 },
    { task, kind: 'seconds', value: seconds },
    { task, kind: `le ${edge}`, value: 1 },
  ]
  await db
    .insertInto('task_metric')
    .values(rows)
    .onConflict((conflict) =>
      conflict
        .columns(['task', 'kind'])
        .doUpdateSet((e) => ({ value: e('task_metric.value', '+', e.ref('excluded.value')) })),
    )
    .execute()
}
