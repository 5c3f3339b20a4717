import type { Claim, Delivery, LeaseToken } from '../core/delivery.ts'
import { failpoint } from '../core/failpoint.ts'
import type { SettleStatus } from '../core/settlement.ts'
import type { CancelAnswer, ExtendReport, QueueSettings } from '../core/transport.ts'
import { selectById, take, type MessageRow } from './claim.ts'
import { leaveGateLine } from './gates.ts'
import { state, waitingToken } from './schema.ts'
import { wholeMs, type Turn } from './turn.ts'

const held = `id = ? AND token = ? AND state = ${state.leased}`
/** in: end of the lease, id, token · out: the reason of a cancellation; no row when it is not ours. */
const extendOne = `UPDATE tw_message SET at = ? WHERE ${held} RETURNING cancelled`
/** in: id, token. */
const cancelledOne = `SELECT cancelled FROM tw_message WHERE ${held} AND cancelled IS NOT NULL`
/** in: now, id, token. Keeps place, body and count; a message that was cancelled stays so. */
const giveBack = `UPDATE tw_message
   SET state = CASE WHEN redeliveries > 0 THEN ${state.suspect} ELSE ${state.ready} END, token = ${waitingToken.fresh}, at = ?
 WHERE ${held}`
/** in: from, below · out: messages held under these tokens. */
const heldBetween = `SELECT id, token FROM tw_message WHERE state = ${state.leased} AND token >= ? AND token < ?`

/** Moves the end of leases to `lease` milliseconds from now. */
export function extend(
  { sql, now }: Turn,
  { claims, lease }: { claims: readonly Claim[]; lease: number },
): ExtendReport {
  const lost: Claim[] = []
  const cancelled: { claim: Claim; reason: string }[] = []
  for (const claim of claims) {
    const row = sql.get<{ cancelled: string | null }>(
      extendOne,
      wholeMs(now + lease),
      claim.id,
      claim.token,
    )
    failpoint('sqlite.extend.between')
    if (row === undefined) lost.push(claim)
    else if (row.cancelled !== null) cancelled.push({ claim, reason: row.cancelled })
  }
  return { lost, cancelled }
}

/** Which of these claims hold a message that was cancelled. */
export function cancelledAmong({ sql }: Turn, claims: readonly Claim[]): ExtendReport['cancelled'] {
  return claims.flatMap((claim) => {
    const row = sql.get<{ cancelled: string }>(cancelledOne, claim.id, claim.token)
    return row === undefined ? [] : [{ claim, reason: row.cancelled }]
  })
}

/** Claims anew, under fresh tokens, what this instance holds beyond `known`. */
export function recover(
  turn: Turn,
  { known, lease }: { known: readonly LeaseToken[]; lease: number },
): Delivery[] {
  const { sql, tokens } = turn
  const remembered = new Set(known)
  const rows = tokens
    .ranges()
    .flatMap(({ from, below }) => sql.all<{ id: string; token: number }>(heldBetween, from, below))
  return rows
    .filter(({ token }) => !remembered.has(token))
    .flatMap(({ id }) => sql.get<MessageRow>(selectById, id) ?? [])
    .map((row) => take(turn, row, lease))
}

/** Gives claims back, each to its old place. */
export function release({ sql, now, news }: Turn, claims: readonly Claim[]): SettleStatus[] {
  return claims.map(({ id, token }): SettleStatus => {
    if (sql.run(giveBack, now, id, token) > 0) {
      news.work = true
      return 'settled'
    }
    return sql.get('SELECT 1 AS found FROM tw_message WHERE id = ?', id) === undefined
      ? 'gone'
      : 'taken'
  })
}

/** Flags messages as cancelled and claims those that wait. The first reason stays. */
export function cancel(
  turn: Turn,
  { ids, reason, lease }: { ids: readonly string[]; reason: string; lease: number },
): CancelAnswer[] {
  const { sql, now, news } = turn
  return ids.map((id): CancelAnswer => {
    const row = sql.get<MessageRow & { state: number; at: number }>(selectById, id)
    if (row === undefined) return { state: 'unknown' }
    const first = row.cancelled ?? reason
    if (row.cancelled === null) {
      sql.run('UPDATE tw_message SET cancelled = ? WHERE seq = ?', reason, row.seq)
    }
    if (row.state === state.leased && row.at > now) {
      news.cancels = true
      return { state: 'running' }
    }
    // A holder whose lease has ended may be dead: nobody would ever settle for him.
    const ended = row.state === state.leased
    if (ended) {
      sql.run('UPDATE tw_message SET redeliveries = redeliveries + 1 WHERE seq = ?', row.seq)
    }
    if (row.state === state.gated) leaveGateLine(turn, row.seq)
    const redeliveries = row.redeliveries + (ended ? 1 : 0)
    const delivery = take(turn, { ...row, redeliveries, cancelled: first }, lease)
    return { state: 'waiting', delivery }
  })
}

/** Stores settings of queues. */
export function configure(
  { sql, queues }: Turn,
  settings: Readonly<Record<string, QueueSettings>>,
): null {
  for (const [name, { cap }] of Object.entries(settings)) {
    const no = queues.draw(sql, name)
    if (cap !== undefined) sql.run('UPDATE tw_queue SET cap = ? WHERE no = ?', cap, no)
  }
  return null
}
