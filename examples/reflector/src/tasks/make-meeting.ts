import { randomUUID } from 'node:crypto'
import type { CalendarEventRow, Db, RoomRow } from '../data/tables.ts'
import type { Whereby } from '../outside/whereby.ts'

/**
 * Makes the meeting of a calendar event. It takes the event's place first, and asks Whereby then: two
 * workers that come at the same time make one meeting. When Whereby fails, the place is given back for
 * the next time. Whether it was made here.
 */
export async function makeMeeting(
  { db, whereby }: { readonly db: Db; readonly whereby: Whereby },
  room: RoomRow,
  event: CalendarEventRow,
): Promise<boolean> {
  const id = randomUUID()
  const { title, description } = event
  const attendees = JSON.parse(event.attendees) as unknown
  const taken = await db
    .insertInto('meeting')
    .values({
      id,
      room_name: '',
      room_url: '',
      host_room_url: '',
      start_date: event.start_time,
      end_date: event.end_time,
      room_id: room.id,
      is_active: 0,
      num_clients: 0,
      calendar_event_id: event.id,
      calendar_metadata: JSON.stringify({ title, description, attendees }),
    })
    .onConflict((conflict) => conflict.column('calendar_event_id').doNothing())
    .returning('id')
    .executeTakeFirst()
  if (taken === undefined) return false
  try {
    const end = new Date(event.end_time)
    const meeting = await whereby.createMeeting({ name: room.name, end })
    await whereby.uploadLogo(meeting.roomName, new Blob([logo], { type: 'image/png' }))
    const made = {
      room_name: meeting.roomName,
      room_url: meeting.roomUrl,
      host_room_url: meeting.hostRoomUrl,
      is_active: 1,
    }
    await db.updateTable('meeting').set(made).where('id', '=', id).execute()
    return true
  } catch (error) {
    await db.deleteFrom('meeting').where('id', '=', id).execute()
    throw error
  }
}

/** One transparent pixel. */
const logo = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==',
  'base64',
)
