import { adoptedState, decideFire, afterStoring, type FireFacts } from '../core/fire-decision.ts'
import type { Adoption, Fire, FireAnswer, FireState, Leadership } from '../core/fire-ledger.ts'
import { runOfMessage } from '../core/node-id.ts'
import { hasRoom, place } from './send.ts'
import { wholeMs, type Turn } from './turn.ts'

/** How long a plan that is gone, or a leader that is, is remembered. */
const remembered = 86_400_000

const columns =
  'mark, anchor, last, message, waiting, fired, missed, skipped, paused, lag, print, until'
const find = `SELECT ${columns} FROM tw_fire WHERE id = ?`
/** in: ids, as JSON · out: all rows in one text. Row by row, and value by value, 100,000 plans took seconds. */
const findAll = `
SELECT json_group_array(json_array(id, ${columns})) AS found FROM tw_fire
 WHERE id IN (SELECT value FROM json_each(?))`
/** in: rows as JSON, each a list in the order of the columns. */
const addAll = `
INSERT INTO tw_fire(id, ${columns})
SELECT value ->> 0, value ->> 1, value ->> 2, NULL, NULL, NULL, 0, 0, 0, 0, 0, value ->> 3, NULL
  FROM json_each(?) WHERE true
    ON CONFLICT(id) DO NOTHING`
const write = `
INSERT INTO tw_fire(id, ${columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT(id) DO UPDATE SET mark = excluded.mark, anchor = excluded.anchor, last = excluded.last,
       message = excluded.message, waiting = excluded.waiting, fired = excluded.fired,
       missed = excluded.missed, skipped = excluded.skipped, paused = excluded.paused,
       lag = excluded.lag, print = excluded.print, until = excluded.until`
const dropGone = 'DELETE FROM tw_fire WHERE until IS NOT NULL AND until <= ?'
const forgetOne = `
UPDATE tw_fire SET waiting = NULL, until = COALESCE(until, ?) WHERE id = ?`
const lives = 'SELECT 1 FROM tw_message WHERE id = ?'
const goes = "SELECT 1 FROM tw_run WHERE id = ? AND state IN ('running', 'resuming')"
const leader = 'SELECT grp, holder, until, report FROM tw_leader WHERE grp = ?'
const lead = `
INSERT INTO tw_leader(grp, holder, until, report) VALUES (?, ?, ?, ?)
    ON CONFLICT(grp) DO UPDATE SET holder = excluded.holder, until = excluded.until, report = excluded.report`
const resign = 'UPDATE tw_leader SET until = min(until, ?) WHERE grp = ? AND holder = ?'
const dropLeaders = 'DELETE FROM tw_leader WHERE until <= ?'
const allLeaders = 'SELECT grp, holder, until, report FROM tw_leader ORDER BY grp'

interface Row extends Omit<FireState, 'paused'> {
  readonly paused: number
  readonly print: string
  /** When it may be dropped; `null`: the plan is there. */
  readonly until: number | null
}

type RowTuple = readonly [
  id: string,
  mark: number,
  anchor: number,
  last: number | null,
  message: string | null,
  waiting: number | null,
  fired: number,
  missed: number,
  skipped: number,
  paused: number,
  lag: number,
  print: string,
  until: number | null,
]

interface LeaderRow {
  readonly grp: string
  readonly holder: string
  readonly until: number
  readonly report: string
}

/** Makes plans known; their states. */
export function adopt(turn: Turn, plans: readonly Adoption[]): FireState[] {
  turn.sql.run(dropGone, turn.now)
  const known = rowsOf(
    turn,
    plans.map(({ id }) => id),
  )
  const fresh = new Map<
    string,
    readonly [id: string, mark: number, anchor: number, print: string]
  >()
  const states = plans.map((given) => {
    const plan = { ...given, mark: wholeMs(given.mark), anchor: wholeMs(given.anchor) }
    const { id, print, mark, anchor } = plan
    const row = known.get(id)
    const same = row?.print === print
    if (row !== undefined && same && row.until === null) return stateOf(row)
    const state = adoptedState(row && stateOf(row), plan, same)
    if (row === undefined) fresh.set(id, [id, mark, anchor, print])
    else save(turn, id, { state, print })
    return state
  })
  if (fresh.size > 0) turn.sql.run(addAll, JSON.stringify([...fresh.values()]))
  return states
}

/** The states of plans. */
export function fireStates(turn: Turn, ids: readonly string[]): (FireState | null)[] {
  const known = rowsOf(turn, ids)
  return ids.map((id) => {
    const row = known.get(id)
    return row === undefined ? null : stateOf(row)
  })
}

/** Decides slots in order; mark and message of each are written in this one transaction. */
export function fire(turn: Turn, fires: readonly Fire[]): FireAnswer[] {
  const { sql, now } = turn
  const facts: FireFacts = {
    now,
    lives: (id) =>
      sql.get(lives, id) !== undefined || sql.get(goes, runOfMessage(id) ?? '') !== undefined,
    hasRoom: (queue) => hasRoom(turn, queue),
  }
  return fires.map((each) => {
    const row = rowOf(turn, each.id)
    if (row === undefined || row.until !== null) return 'unknown'
    const before = stateOf(row)
    let decision = decideFire(before, each, facts)
    if (decision.state === before) return decision.answer
    if (decision.answer === 'fired' && each.envelope !== null) {
      decision = afterStoring(before, decision, place(turn, each.envelope))
    }
    save(turn, each.id, { state: decision.state, print: row.print })
    return decision.answer
  })
}

/** Pauses plans or lets them go on; those that are known. */
export function pausePlans(
  turn: Turn,
  { ids, paused }: { readonly ids: readonly string[]; readonly paused: boolean },
): string[] {
  return ids.filter((id) => {
    const row = rowOf(turn, id)
    if (row === undefined || row.until !== null) return false
    const state = stateOf(row)
    if (state.paused === paused) return true
    const mark = paused ? state.mark : Math.max(state.mark, turn.now)
    save(turn, id, { state: { ...state, paused, mark }, print: row.print })
    return true
  })
}

/** Lets go of plans. */
export function forgetPlans({ sql, now }: Turn, ids: readonly string[]): null {
  for (const id of ids) sql.run(forgetOne, now + remembered, id)
  return null
}

/** Takes or renews the lease of a group; who has it. */
export function leadGroup(
  { sql, now }: Turn,
  bid: { group: string; holder: string; lease: number; report: string },
): Leadership {
  const { group, holder, lease, report } = bid
  const row = sql.get<LeaderRow>(leader, group)
  if (row !== undefined && row.holder !== holder && row.until > now) return leadershipOf(row)
  const until = wholeMs(now + lease)
  sql.run(lead, group, holder, until, report)
  return { group, holder, until, report }
}

/** Gives a lease up. */
export function resignGroup(
  { sql, now }: Turn,
  { group, holder }: { group: string; holder: string },
): null {
  sql.run(resign, now, group, holder)
  sql.run(dropLeaders, now - remembered)
  return null
}

/** All groups and who leads them. */
export function groupLeaders({ sql, now }: Turn): Leadership[] {
  return sql
    .all<LeaderRow>(allLeaders)
    .filter(({ until }) => until > now - remembered)
    .map(leadershipOf)
}

function rowOf({ sql }: Turn, id: string): Row | undefined {
  return sql.get<Row>(find, id)
}

/** All rows of these ids that there are. */
function rowsOf({ sql }: Turn, ids: readonly string[]): Map<string, Row> {
  const { found } = sql.get<{ found: string }>(findAll, JSON.stringify(ids)) ?? { found: '[]' }
  return new Map((JSON.parse(found) as RowTuple[]).map((values) => [values[0], rowOfTuple(values)]))
}

function rowOfTuple(values: RowTuple): Row {
  const [
    ,
    mark,
    anchor,
    last,
    message,
    waiting,
    fired,
    missed,
    skipped,
    paused,
    lag,
    print,
    until,
  ] = values
  const counts = { fired, missed, skipped, paused, lag }
  return { mark, anchor, last, message, waiting, ...counts, print, until }
}

function stateOf(row: Row): FireState {
  const { mark, anchor, last, message, waiting, fired, missed, skipped, paused, lag } = row
  const counts = { fired, missed, skipped, paused: paused === 1, lag }
  return { mark, anchor, last, message, waiting, ...counts }
}

function save(turn: Turn, id: string, { state, print }: { state: FireState; print: string }): void {
  const { mark, anchor, last, message, waiting, fired, missed, skipped, paused, lag } = state
  const row = [mark, anchor, last, message, waiting, fired, missed, skipped, paused ? 1 : 0]
  turn.sql.run(write, id, ...row, Math.round(lag), print, null)
}

function leadershipOf({ grp, holder, until, report }: LeaderRow): Leadership {
  return { group: grp, holder, until, report }
}
