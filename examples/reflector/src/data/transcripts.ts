import { randomUUID } from 'node:crypto'
import { addEvent } from './events.ts'
import { isStatus, transitions, type TranscriptStatus } from './status.ts'
import type { Db, NewTranscript, TranscriptPatch, TranscriptRow } from './tables.ts'

/** A transcript as the program sees it: its row with a status that is one. */
export type Transcript = TranscriptRow & { readonly status: TranscriptStatus }

/** There is no transcript of this id, or its row holds what no transcript can be. */
export class NoTranscriptError extends Error {
  override readonly name = 'NoTranscriptError'
}

/** Adds a transcript. */
export async function createTranscript(
  db: Db,
  given: Partial<NewTranscript> & { readonly now: Date },
): Promise<Transcript> {
  const { now, ...rest } = given
  const row = await db
    .insertInto('transcript')
    .values({
      id: randomUUID(),
      name: `Transcript ${now.toISOString()}`,
      status: 'idle',
      locked: 0,
      created_at: now.toISOString(),
      source_language: 'en',
      target_language: 'en',
      audio_location: 'local',
      share_mode: 'private',
      source_kind: 'file',
      processings: 0,
      event_seq: 0,
      ...rest,
    })
    .returningAll()
    .executeTakeFirstOrThrow()
  return checked(row)
}

/** @throws NoTranscriptError */
export async function getTranscript(db: Db, id: string): Promise<Transcript> {
  const row = await db.selectFrom('transcript').selectAll().where('id', '=', id).executeTakeFirst()
  if (row === undefined) throw new NoTranscriptError(`there is no transcript ${id}`)
  return checked(row)
}

/** Changes columns of a transcript; its status has a function of its own. */
export async function patchTranscript(
  db: Db,
  id: string,
  patch: Omit<TranscriptPatch, 'id' | 'status' | 'event_seq'>,
): Promise<void> {
  await db.updateTable('transcript').set(patch).where('id', '=', id).execute()
}

/**
 * Moves a transcript to a status and tells those who watch. The same status again is no news. From a
 * status that it cannot follow, nothing happens: a failure that comes after the end does not undo it.
 * Give a transaction. Whether it was moved.
 */
export async function setStatus(db: Db, id: string, status: TranscriptStatus): Promise<boolean> {
  const from = Object.entries(transitions)
    .filter(([, next]) => next.includes(status))
    .map(([name]) => name)
  const { numUpdatedRows } = await db
    .updateTable('transcript')
    .set({ status })
    .where('id', '=', id)
    .where('status', 'in', from)
    .executeTakeFirst()
  if (numUpdatedRows === 0n) return false
  await addEvent(db, id, { event: 'STATUS', data: { value: status } })
  return true
}

/** Moves to `uploaded`, of which nobody is told; false when the transcript is past that. */
export async function setUploaded(db: Db, id: string): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('transcript')
    .set({ status: 'uploaded' })
    .where('id', '=', id)
    .where('status', 'in', ['idle', 'error'])
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

/** @throws NoTranscriptError when the row is not one that this program writes. */
export function checked(row: TranscriptRow): Transcript {
  const { status } = row
  if (!isStatus(status)) throw new NoTranscriptError(`transcript ${row.id} has status '${status}'`)
  return { ...row, status }
}
