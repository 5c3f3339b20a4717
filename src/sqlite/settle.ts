import { InvalidInputError } from '../core/errors.ts'
import type { Claim } from '../core/delivery.ts'
import { failpoint } from '../core/failpoint.ts'
import type { Body } from '../core/message.ts'
import type { StoredResult } from '../core/result.ts'
import type { Settlement, SettleStatus } from '../core/settlement.ts'
import { giveUngated, retryGates } from './gates.ts'
import { applyNode, nodeFate } from '../graphs/settle-node.ts'
import { graphsOf } from './graphs-of-turn.ts'
import { saveNewResults } from './results.ts'
import { state, waitingToken } from './schema.ts'
import { checkEnvelope, isLarge, place } from './send.ts'
import { toStored } from './stored-body.ts'
import { wholeMs, type Turn } from './turn.ts'

/** The fence: this claim holds the message. in: id, token. */
const held = `id = ? AND token = ? AND state = ${state.leased}`
/** A fenced end of a message that nobody cancelled. in: id, token · out: 1 change, or refused. */
export const end: string = `DELETE FROM tw_message WHERE ${held} AND cancelled IS NULL`
const endCancelled = `DELETE FROM tw_message WHERE ${held}`
/** in: id · out: why a fence refused. */
const holder = 'SELECT token, state, cancelled FROM tw_message WHERE id = ?'
/** in: id, token · out: the row, where the fence lets it through. */
const own = `SELECT seq, queue, data IS NULL AS large, gates, passed FROM tw_message WHERE ${held} AND cancelled IS NULL`
/** in: state, at, token, inline body, queue, seq. The handler had a fair run, so its redeliveries start anew. */
const rewrite =
  'UPDATE tw_message SET state = ?, at = ?, token = ?, data = ?, queue = ?, redeliveries = 0 WHERE seq = ?'
/** in: reason, detail, now, seq. The message row is deleted next. */
const bury = `
INSERT OR REPLACE INTO tw_dead(id, queue, priority, reason, detail, redeliveries, enqueued, at, gates, data)
SELECT id, queue, priority, ?, ?, redeliveries, enqueued, ?, gates,
       coalesce(data, (SELECT p.data FROM tw_payload p WHERE p.seq = m.seq))
  FROM tw_message m WHERE seq = ?`

/** A run of rows that were claimed together. in: first and last seq, token - seq. */
const ofRun = `FROM tw_message
 WHERE seq BETWEEN ? AND ? AND token = ? + seq AND +state = ${state.leased} AND cancelled IS NULL`
const countRun = `SELECT count(*) AS found ${ofRun}`
export const endRun: string = `DELETE ${ofRun}`
/** The shortest run that is worth two statements of its own. */
const shortestRun = 4

/** Ends deliveries. All of one settlement is written, or nothing of it. */
export function settle(turn: Turn, settlements: readonly Settlement[]): SettleStatus[] {
  const ended = endRuns(turn, settlements)
  const results: StoredResult[] = []
  const statuses = settlements.map((settlement) => {
    const status = settleOne(turn, settlement, ended)
    if (status === 'settled' && settlement.result !== undefined) results.push(settlement.result)
    return status
  })
  saveNewResults(turn, results)
  giveUngated(turn)
  failpoint('sqlite.settle.result')
  return statuses
}

/**
 * Deletes what was claimed together and succeeded together, each run by one statement; the tokens of
 * what is deleted. A run in which anything is not as it should be is left to be settled one by one.
 */
function endRuns(turn: Turn, settlements: readonly Settlement[]): ReadonlySet<unknown> {
  const ended = new Set<unknown>()
  if (settlements.length < shortestRun || isNamedTwice(settlements)) return ended
  const tokens = settlements
    // Whether a step of a workflow may end is for its run to say.
    .flatMap(({ claim, outcome, node }) =>
      outcome.kind === 'succeeded' && node === undefined ? Number(claim.token) : [],
    )
    .sort((a, b) => a - b)
  for (let from = 0; from < tokens.length;) {
    const first = tokens[from] ?? 0
    const line = turn.lines.find(first)
    let to = from + 1
    while (tokens[to] === first + to - from && first + to - from <= (line?.to ?? 0)) to++
    const length = to - from
    if (line !== undefined && length >= shortestRun) {
      const { offset } = line
      const run = [first - offset, first + length - 1 - offset, offset] as const
      if (turn.sql.get<{ found: number }>(countRun, ...run)?.found === length) {
        turn.sql.run(endRun, ...run)
        for (const token of tokens.slice(from, to)) ended.add(token)
      }
    }
    from = to
  }
  return ended
}

/** Claims of one message, an old one and a new one: their order says what each comes to. */
function isNamedTwice(settlements: readonly Settlement[]): boolean {
  return new Set(settlements.map(({ claim }) => claim.id)).size < settlements.length
}

function settleOne(turn: Turn, settlement: Settlement, ended: ReadonlySet<unknown>): SettleStatus {
  const { claim, outcome, followUps, node } = settlement
  const { sql } = turn
  const graphs = node === undefined ? undefined : graphsOf(turn)
  const fate = graphs === undefined ? 'none' : nodeFate(graphs, settlement)
  if (fate === 'refused') return refusal(turn, claim, 'cancelled')
  const { id, token } = claim
  switch (outcome.kind) {
    case 'succeeded':
      if (!ended.has(token) && sql.run(end, id, token) === 0) return refusal(turn, claim)
      break
    case 'cancelled':
      if (sql.run(endCancelled, id, token) === 0) return refusal(turn, claim)
      break
    case 'retry': {
      const row = sql.get<OwnRow>(own, id, token)
      if (row === undefined) return refusal(turn, claim)
      const { body, delay, queue } = outcome
      const at = wholeMs(turn.now + delay)
      reenter(turn, row, { body: toStored(body), queue, at })
      if (row.gates !== null)
        retryGates(turn, { seq: row.seq, id, gates: row.gates, passed: row.passed ?? 0 }, at)
      break
    }
    case 'setAside': {
      const row = sql.get<{ seq: number }>(own, id, token)
      if (row === undefined) return refusal(turn, claim)
      sql.run(bury, outcome.reason, outcome.detail, turn.now, row.seq)
      sql.run('DELETE FROM tw_message WHERE seq = ?', row.seq)
    }
  }
  failpoint('sqlite.settle.ended')
  if (followUps !== undefined) for (const envelope of followUps) place(turn, envelope)
  if (graphs !== undefined && node !== undefined && fate === 'applies') {
    if (applyNode(graphs, settlement, turn.now)) turn.news.unfinished.push(node.run)
  }
  return 'settled'
}

interface OwnRow {
  readonly seq: number
  readonly queue: number
  readonly large: number
  readonly gates: string | null
  readonly passed: number | null
}

/** The same row waits again, at its old place, with this body. */
function reenter(
  { sql, queues, now, news }: Turn,
  row: { seq: number; queue: number; large: number },
  { body, at, queue }: { body: Body; at: number; queue: string | undefined },
): void {
  const later = at > now
  const large = isLarge(body)
  const to = later ? state.scheduled : state.ready
  const no = queue === undefined ? row.queue : queues.draw(sql, queue)
  sql.run(rewrite, to, later ? at : now, waitingToken.retried, large ? null : body, no, row.seq)
  if (large) sql.run('INSERT OR REPLACE INTO tw_payload(seq, data) VALUES (?, ?)', row.seq, body)
  else if (row.large === 1) sql.run('DELETE FROM tw_payload WHERE seq = ?', row.seq)
  news.work = true
}

/** Why the fence refused; `own` where the claim is good and something else did. */
function refusal({ sql }: Turn, { id, token }: Claim, own: SettleStatus = 'taken'): SettleStatus {
  const row = sql.get<{ token: number; state: number; cancelled: string | null }>(holder, id)
  if (row === undefined) return 'gone'
  if (row.token !== token || row.state !== state.leased) return 'taken'
  return row.cancelled === null ? own : 'cancelled'
}

/**
 * Checks a settlement before anything is written.
 *
 * @throws InvalidInputError for what no store could keep.
 */
export function checkSettlement({ claim, outcome, followUps }: Settlement): void {
  if (outcome.kind === 'retry' && Number.isNaN(outcome.delay)) {
    throw new InvalidInputError(`message ${claim.id}: the delay of a retry is milliseconds.`)
  }
  for (const envelope of followUps ?? []) checkEnvelope(envelope)
}
