import type { OperationKind, Operations } from './operations.ts'
import type { Turn } from './turn.ts'

const kept = 60_000
const insert = 'INSERT INTO tw_control(at, ref, body) VALUES (?, ?, ?) RETURNING seq'
const old = 'DELETE FROM tw_control WHERE at < ?'
const listeners = 'SELECT count(*) AS found FROM tw_listener WHERE until > ?'
const messages = 'SELECT seq, body FROM tw_control WHERE seq > ? AND ref IS NULL ORDER BY seq'
const answers = 'SELECT body FROM tw_control WHERE ref = ? ORDER BY seq'
const lastSeq = 'SELECT max(seq) AS seq FROM tw_control'
const note = `
INSERT INTO tw_listener(id, until) VALUES (?, ?) ON CONFLICT(id) DO UPDATE SET until = excluded.until`

/** A message to all listeners; its number, and how many of them there are. */
function controlSend(
  { sql, now, news }: Turn,
  body: string,
): { readonly seq: number; readonly listeners: number } {
  sql.run(old, now - kept)
  const seq = sql.get<{ seq: number }>(insert, now, null, body)?.seq ?? 0
  news.cancels = true
  return { seq, listeners: sql.get<{ found: number }>(listeners, now)?.found ?? 0 }
}

/** An answer to a message. */
function controlAnswer(
  { sql, now, news }: Turn,
  { ref, body }: { readonly ref: number; readonly body: string },
): null {
  sql.get(insert, now, ref, body)
  news.cancels = true
  return null
}

/** Messages after one. */
function controlMessages(
  { sql }: Turn,
  after: number,
): readonly { readonly seq: number; readonly body: string }[] {
  return sql.all<{ seq: number; body: string }>(messages, after).map((row) => ({ ...row }))
}

/** What was answered to a message. */
function controlAnswers({ sql }: Turn, ref: number): readonly string[] {
  return sql.all<{ body: string }>(answers, ref).map(({ body }) => body)
}

/** A listener lives for so long, or (0) not any more; the last message there is. */
function controlListen(
  { sql, now }: Turn,
  { id, ms }: { readonly id: string; readonly ms: number },
): number {
  sql.run('DELETE FROM tw_listener WHERE until <= ? OR id = ?', now, id)
  if (ms > 0) sql.run(note, id, now + ms)
  return sql.get<{ seq: number | null }>(lastSeq)?.seq ?? 0
}

/** All settings. */
function settings({ sql }: Turn): readonly (readonly [name: string, value: string])[] {
  const rows = sql.all<{ name: string; value: string }>('SELECT name, value FROM tw_setting')
  return rows.map(({ name, value }) => [name, value] as const)
}

/** Sets some; null removes one. */
function setSettings({ sql, news }: Turn, values: Readonly<Record<string, string | null>>): null {
  for (const [name, value] of Object.entries(values)) {
    sql.run('DELETE FROM tw_setting WHERE name = ?', name)
    if (value !== null) sql.run('INSERT INTO tw_setting(name, value) VALUES (?, ?)', name, value)
  }
  news.cancels = true
  return null
}

type ControlKind = Extract<OperationKind, `control${string}` | 'settings' | 'setSettings'>
type Handlers = {
  [K in ControlKind]: (turn: Turn, ask: Operations[K]['ask']) => Operations[K]['answer']
}

/** What can be asked of the database about the control channel. */
export const controlHandlers: Handlers = {
  controlSend,
  controlAnswer,
  controlMessages,
  controlAnswers,
  controlListen,
  settings,
  setSettings,
}
