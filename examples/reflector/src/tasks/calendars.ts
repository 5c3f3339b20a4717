import { TaskContext } from 'taskwright'
import { broker } from '../broker.ts'
import type { CalendarEventRow, RoomRow } from '../data/tables.ts'
import type { Workshop } from '../pipelines/workshop.ts'
import { syncCalendar, type CalendarSync } from './calendar-sync.ts'
import { whereby, workshop } from './dependencies.ts'
import { makeMeeting } from './make-meeting.ts'

/** Reads the calendar of one room. */
export const syncRoomIcs = broker.task(
  {
    name: 'sync_room_ics',
    aliases: ['reflector.worker.ics_sync.sync_room_ics'],
    deps: { workshop, ctx: TaskContext },
    params: ['room_id'],
    timeout: '2m',
  },
  async ({ workshop, ctx }, roomId: string): Promise<CalendarSync | null> => {
    const room = await workshop.db
      .selectFrom('room')
      .selectAll()
      .where('id', '=', roomId)
      .executeTakeFirst()
    if (room === undefined || room.ics_enabled === 0) return null
    const sync = await syncCalendar(workshop, room)
    const fields = { room: room.name, ...sync }
    if (sync.status === 'error') ctx.logger.error('the calendar could not be read', fields)
    else ctx.logger.info('the calendar was read', fields)
    return sync
  },
)

/** Sends a sync for each room whose calendar has not been read for a while; how many. */
export const syncAllIcsCalendars = broker.task(
  {
    name: 'sync_all_ics_calendars',
    aliases: ['reflector.worker.ics_sync.sync_all_ics_calendars'],
    deps: { workshop },
    timeout: '1m',
  },
  async ({ workshop }): Promise<number> => {
    const at = workshop.now().getTime()
    const due = (await calendarRooms(workshop)).filter(
      ({ ics_last_sync, ics_fetch_interval }) =>
        ics_last_sync === null || at - Date.parse(ics_last_sync) >= ics_fetch_interval * 1000,
    )
    await syncRoomIcs.kiqMany(due.map(({ id }): [string] => [id]))
    return due.length
  },
)

/** Makes the meetings that begin in the next seven minutes, or began up to six minutes ago; how many. */
export const createUpcomingMeetings = broker.task(
  {
    name: 'create_upcoming_meetings',
    aliases: ['reflector.worker.ics_sync.create_upcoming_meetings'],
    deps: { workshop, whereby, ctx: TaskContext },
    timeout: '5m',
  },
  async ({ workshop, whereby, ctx }): Promise<number> => {
    if (whereby === undefined) return 0
    const { db, now } = workshop
    let made = 0
    for (const room of await calendarRooms(workshop)) {
      for (const event of await upcoming(workshop, room)) {
        try {
          if (await makeMeeting({ db, whereby, now }, room, event)) made++
        } catch (error) {
          ctx.logger.error('a meeting could not be made', { error, event: event.id })
        }
      }
    }
    return made
  },
)

function calendarRooms({ db }: Workshop): Promise<RoomRow[]> {
  return db
    .selectFrom('room')
    .selectAll()
    .where('ics_enabled', '=', 1)
    .where('ics_url', 'is not', null)
    .execute()
}

function upcoming({ db, now }: Workshop, room: RoomRow): Promise<CalendarEventRow[]> {
  const at = now().getTime()
  const time = (minutes: number): string => new Date(at + minutes * 60_000).toISOString()
  return db
    .selectFrom('calendar_event')
    .selectAll()
    .where('room_id', '=', room.id)
    .where('is_deleted', '=', 0)
    .where('start_time', '<=', time(7))
    .where('start_time', '>', time(-6))
    .where('end_time', '>', time(0))
    .execute()
}
