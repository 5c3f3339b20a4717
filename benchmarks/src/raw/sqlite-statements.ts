/**
 * The statements of the SQLite engine that every task goes through, word for word: the bare loop runs
 * them, and `tests/integration/bench.test.ts` holds them against what the engine prepares.
 */

/** in: id, queue, priority, state, at, now, expires, body. */
export const insert = `
INSERT INTO tw_message(id, queue, priority, state, at, token, redeliveries, enqueued, expires, data)
SELECT ?1, ?2, ?3, ?4, ?5, 1099511627776, 0, ?6, ?7, ?8
 WHERE NOT EXISTS (SELECT 1 FROM tw_result WHERE id = ?1 AND expires > ?6)
   AND NOT EXISTS (SELECT 1 FROM tw_dead WHERE id = ?1)
    ON CONFLICT(id) DO NOTHING`
/** in: queue, limit. */
export const read = `SELECT seq, id, queue, priority, redeliveries, enqueued, expires, cancelled,
  coalesce(data, (SELECT p.data FROM tw_payload p WHERE p.seq = tw_message.seq)) AS body FROM tw_message
 WHERE queue = ? AND state = 2 ORDER BY priority DESC, seq LIMIT ?`
/** in: token, end of the lease, seq. */
export const hold = `UPDATE tw_message SET state = 4, token = ?, at = ? WHERE seq = ?`
/** in: id, token. */
export const end = `DELETE FROM tw_message WHERE id = ?1 AND token = ?2 AND state = 4 AND cancelled IS NULL`
/** in: id, expires, body, now. */
export const save = `
INSERT INTO tw_result(id, expires, data) VALUES (?1, ?2, ?3)
    ON CONFLICT(id) DO UPDATE SET expires = ?2, data = ?3 WHERE expires <= ?4`
