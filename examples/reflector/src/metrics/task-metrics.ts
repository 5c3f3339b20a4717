import { dependency, type Middleware } from 'taskwright'
import type { Db } from '../data/tables.ts'
import { database } from '../tasks/dependencies.ts'

/** Upper edges of the times that are counted, in seconds. */
export const timeEdges = [0.01, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 1200] as const

/** A run of a task that has ended. */
export interface TaskRun {
  readonly task: string
  readonly id: string
  readonly args: readonly unknown[]
  /** 1 for the first. */
  readonly attempt: number
  readonly outcome: 'succeeded' | 'failed'
  readonly seconds: number
}

/**
 * Told of every run, before its outcome is stored. It counts them in the database: all processes count
 * in one place, and a restart forgets nothing.
 */
export const runRecorder = dependency(
  { database },
  ({ database }) =>
    (run: TaskRun): Promise<void> =>
      countRun(database, run),
  { scope: 'process' },
)

/** Tells the recorder of every run of a task. A count that fails is no reason to fail a task. */
export function taskMetrics(recorder: () => Promise<(run: TaskRun) => Promise<void>>): Middleware {
  return {
    name: 'task-metrics',
    async execute({ message: { task, id, args }, attempt }, next) {
      const begun = performance.now()
      const count = async (outcome: TaskRun['outcome']): Promise<void> => {
        const seconds = (performance.now() - begun) / 1000
        const record = await recorder()
        await record({ task, id, args, attempt, outcome, seconds }).catch(() => {})
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

/** Adds a run to the counts. */
export async function countRun(db: Db, { task, outcome, seconds }: TaskRun): Promise<void> {
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
