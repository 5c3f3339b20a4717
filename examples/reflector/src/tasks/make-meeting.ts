import { takeLock } from '../data/locks.ts'
import type { CalendarEventRow, Db, RoomRow } from '../data/tables.ts'
import type { Whereby } from '../outside/whereby.ts'

/**
 * Makes the meeting of a calendar event, unless it has one. One worker at a time does it, and the table
 * takes one meeting for each event: two that come at the same time make one meeting. Whether it was
 * made here.
 */
export async function makeMeeting(
  { db, whereby, now }: { readonly db: Db; readonly whereby: Whereby; readonly now: () => Date },
  room: RoomRow,
  event: CalendarEventRow,
): Promise<boolean> {
  const lock = await takeLock(db, {
    name: `create_meeting:${event.id}`,
    ttl: 120_000,
    now: () => now().getTime(),
  })
  if (lock === undefined) return false
  try {
    const there = await db
      .selectFrom('meeting')
      .select('id')
      .where('calendar_event_id', '=', event.id)
      .executeTakeFirst()
    if (there !== undefined) return false
    const end = new Date(event.end_time)
    const meeting = await whereby.createMeeting({ name: room.name, end })
    await whereby.uploadLogo(meeting.roomName, new Blob([logo], { type: 'image/png' }))
    const { title, description } = event
    const attendees = JSON.parse(event.attendees) as unknown
    const made = await db
      .insertInto('meeting')
      .values({
        id: meeting.meetingId,
        room_name: meeting.roomName,
        room_url: meeting.roomUrl,
        host_room_url: meeting.hostRoomUrl,
        start_date: event.start_time,
        end_date: event.end_time,
        room_id: room.id,
        is_active: 1,
        num_clients: 0,
        calendar_event_id: event.id,
        calendar_metadata: JSON.stringify({ title, description, attendees }),
      })
      .onConflict((conflict) => conflict.column('calendar_event_id').doNothing())
      .returning('id')
      .executeTakeFirst()
    return made !== undefined
  } finally {
    await lock.release()
  }
}

/** One transparent pixel. */
const logo = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==',
  'base64',
)
