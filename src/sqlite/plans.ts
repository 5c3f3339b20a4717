import type { PlanAsk, PlanPage } from './plan-rows.ts'
import type { Turn } from './turn.ts'

interface PageRow {
  readonly rows: string
  readonly count: number
  readonly last: number | null
}

/** Removed plans that are remembered, for readers who ask what has changed; beyond it they read anew. */
const mostRemoved = 10_000

const newest = 'SELECT COALESCE(MAX(change), 0) AS change FROM tw_plan'
const floor = "SELECT value AS change FROM tw_counter WHERE name = 'plan floor'"
const raiseFloor = `
INSERT INTO tw_counter(name, value) VALUES ('plan floor', ?)
    ON CONFLICT(name) DO UPDATE SET value = max(value, excluded.value)`
const pageOf = (where: string): string => `
SELECT json_group_array(json_array(id, data)) AS rows, count(*) AS count, max(change) AS last
  FROM (SELECT id, data, change FROM tw_plan WHERE ${where} ORDER BY change LIMIT ?)`
/** in: the change to begin behind, the most rows · out: rows as JSON, in one text: value by value they took longest. */
const all = pageOf('change > ? AND data IS NOT NULL')
const since = pageOf('change > ?')
/** in: the last change, rows as JSON. One statement for all of them. */
const put = `
INSERT INTO tw_plan(id, change, data)
SELECT value ->> 0, ? + 1 + key, value ->> 1 FROM json_each(?) WHERE true
    ON CONFLICT(id) DO UPDATE SET change = excluded.change, data = excluded.data`
const remove = 'UPDATE tw_plan SET change = ?, data = NULL WHERE id = ? AND data IS NOT NULL'
const oldRemoved = `
SELECT MAX(change) AS change FROM
  (SELECT change FROM tw_plan WHERE data IS NULL ORDER BY change DESC LIMIT -1 OFFSET ${mostRemoved})`
const dropRemoved = 'DELETE FROM tw_plan WHERE data IS NULL AND change <= ?'

/**
 * A page of all plans, or of those that changed since a stamp; `from`: the change that the page begins behind.
 * Whatever changes between two pages has a later change than the stamp, so the next reading brings it.
 */
export function readPlans({ sql }: Turn, { since: stampOfCaller, from, limit }: PlanAsk): PlanPage {
  const stamp = changeOf(sql.get(newest))
  const known =
    stampOfCaller !== null && stampOfCaller >= changeOf(sql.get(floor)) && stampOfCaller <= stamp
  const whole = !known
  const behind = Math.max(from ?? 0, known ? stampOfCaller : 0)
  const found = sql.get<PageRow>(whole ? all : since, behind, limit)
  const { rows = '[]', count = 0, last = null } = found ?? {}
  return { stamp, whole, rows, more: count < limit ? null : last }
}

/** Adds or replaces plans: rows as JSON. */
export function putPlans({ sql }: Turn, rows: string): null {
  sql.run(put, changeOf(sql.get(newest)), rows)
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
