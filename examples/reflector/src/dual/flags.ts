import type { Db } from '../data/tables.ts'

/** Which way a task goes: as before, by Taskwright, or as before with Taskwright doing it beside, unseen. */
export type Way = 'old' | 'new' | 'shadow'

/** The way of a task; `old` until somebody switches it. */
export async function wayOf(db: Db, task: string): Promise<Way> {
  const row = await db
    .selectFrom('task_flag')
    .select('way')
    .where('task', '=', task)
    .executeTakeFirst()
  return row?.way === 'new' || row?.way === 'shadow' ? row.way : 'old'
}

/** Switches a task. It holds for what is sent from then on; what was sent ends where it is. */
export async function switchTask(db: Db, task: string, way: Way): Promise<void> {
  await db
    .insertInto('task_flag')
    .values({ task, way })
    .onConflict((conflict) => conflict.column('task').doUpdateSet({ way }))
    .execute()
}
