import { state } from './schema.ts'
import type { Turn } from './turn.ts'

const leaveLine = 'DELETE FROM tw_gate_line WHERE seq = (SELECT seq FROM tw_message WHERE id = ?)'
/** in: reason, now, id. What waits for its time or at a gate goes to its queue at once. */
const flag = `
UPDATE tw_message SET cancelled = ?,
       at = CASE WHEN state IN (${state.scheduled}, ${state.gated}) THEN ? ELSE at END,
       state = CASE WHEN state IN (${state.scheduled}, ${state.gated}) THEN ${state.ready} ELSE state END
 WHERE id = ? AND cancelled IS NULL`

/** Cancels a message for another: whoever claims it next settles it, and a holder is told. */
export function supersede({ sql, now, news }: Turn, id: string, reason: string): void {
  sql.run(leaveLine, id)
  if (sql.run(flag, reason, now, id) > 0) news.work = news.cancels = true
}
