import type { Db, RoomRow } from '../data/tables.ts'
import type { Transcript } from '../data/transcripts.ts'

/** The room in which a conversation was held: the transcript's own, or that of its meeting. */
export async function roomOf(db: Db, transcript: Transcript): Promise<RoomRow | undefined> {
  let id = transcript.room_id
  if (id === null && transcript.meeting_id !== null) {
    const meeting = await db
      .selectFrom('meeting')
      .select('room_id')
      .where('id', '=', transcript.meeting_id)
      .executeTakeFirst()
    id = meeting?.room_id ?? null
  }
  if (id === null) return undefined
  return db.selectFrom('room').selectAll().where('id', '=', id).executeTakeFirst()
}
