import type { PlanRow, PlanRows } from './plan-rows.ts'
import type { Turn } from './turn.ts'

/** Removed plans that are remembered, for readers who ask what has changed; beyond it they read anew. */
const mostRemoved = 10_000

const newest = 'SELECT COALESCE(MAX(change), 0) AS change FROM tw_plan'
const floor = "SELECT value AS change FROM tw_counter WHERE name = 'plan floor'"
const raiseFloor = `
INSERT INTO tw_counter(name, value) VALUES ('plan floor', ?)
    ON CONFLICT(name) DO UPDATE SET value = max(value, excluded.value)`
const all = 'SELECT id, data FROM tw_plan WHERE data IS NOT NULL ORDER BY change'
const since = 'SELECT id, data FROM tw_plan WHERE change > ? ORDER BY change'
const put = `
INSERT INTO tw_plan(id, change, data) VALUES (?, ?, ?)
    ON CONFLICT(id) DO UPDATE SET change = excluded.change, data = excluded.data`
const remove = 'UPDATE tw_plan SET change = ?, data = NULL WHERE id = ? AND data IS NOT NULL'
const oldRemoved = `
SELECT MAX(change) AS change FROM
  (SELECT change FROM tw_plan WHERE data IS NULL ORDER BY change DESC LIMIT -1 OFFSET ${mostRemoved})`
const dropRemoved = 'DELETE FROM tw_plan WHERE data IS NULL AND change <= ?'

/** All plans, or those that changed since a stamp. */
export function readPlans({ sql }: Turn, from: number | null): PlanRows {
  const stamp = changeOf(sql.get(newest))
  const known = from !== null && from >= changeOf(sql.get(floor)) && from <= stamp
  if (!known) return { stamp, whole: true, rows: sql.all<PlanRow>(all) }
  return { stamp, whole: false, rows: from === stamp ? [] : sql.all<PlanRow>(since, from) }
}

/** Adds or replaces plans. */
export function putPlans({ sql }: Turn, plans: readonly PlanRow[]): null {
  let change = changeOf(sql.get(newest))
  for (const { id, data } of plans) sql.run(put, id, ++change, data)
  return null
}

/** Deletes plans; those that were there. */
export function removePlans({ sql }: Turn, ids: readonly string[]): string[] {
  let change = changeOf(sql.get(newest))
  const removed = ids.filter((id) => sql.run(remove, change + 1, id) > 0 && ++change > 0)
  const old = changeOf(sql.get(oldRemoved))
  if (old > 0) {
    sql.run(dropRemoved, old)
    sql.run(raiseFloor, old)
  }
  return removed
}

function changeOf(row: unknown): number {
  return Number((row as { change: number | bigint | null } | undefined)?.change ?? 0)
}
