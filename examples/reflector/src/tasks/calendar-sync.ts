import { createHash, randomUUID } from 'node:crypto'
import { takeLock } from '../data/locks.ts'
import type { Db, RoomRow } from '../data/tables.ts'
import { ask } from '../outside/ask.ts'
import { readCalendar, type CalendarEntry } from '../outside/calendar-feed.ts'
import { inTransaction, type Workshop } from '../pipelines/workshop.ts'

/** How the sync of a room's calendar ended. */
export interface CalendarSync {
  readonly status: 'success' | 'unchanged' | 'error' | 'skipped'
  readonly created: number
  readonly updated: number
  readonly deleted: number
  readonly error?: string | undefined
}

const nothing = { created: 0, updated: 0, deleted: 0 }

/**
 * Brings the entries of a room's calendar into the database: those of the next day that name the room.
 * An entry that is gone from the feed is marked as deleted, if it has not begun. One sync of a room at
 * a time; a second one is skipped at once.
 */
export async function syncCalendar(workshop: Workshop, room: RoomRow): Promise<CalendarSync> {
  const lock = await takeLock(workshop.db, {
    name: `ics_sync_room:${room.id}`,
    ttl: 120_000,
    now: () => workshop.now().getTime(),
  })
  if (lock === undefined) return { status: 'skipped', ...nothing }
  try {
    return await fetchAndStore(workshop, room)
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error)
    return { status: 'error', ...nothing, error: text }
  } finally {
    await lock.release()
  }
}

async function fetchAndStore(workshop: Workshop, room: RoomRow): Promise<CalendarSync> {
  if (room.ics_url === null) return { status: 'skipped', ...nothing }
  const answer = await ask(room.ics_url, { timeout: 30_000, service: 'the calendar' })
  const feed = await answer.text()
  const hash = createHash('md5').update(feed).digest('hex')
  const synced = { ics_last_sync: workshop.now().toISOString(), ics_last_hash: hash }
  const unchanged = hash === room.ics_last_hash
  const entries = unchanged ? [] : relevant(readCalendar(feed), workshop, room)
  return inTransaction(workshop, async (db) => {
    const counts = unchanged ? nothing : await store(db, room, { entries, now: workshop.now() })
    // Also when nothing has changed: Reflector forgot it here, and asked again every minute.
    await db.updateTable('room').set(synced).where('id', '=', room.id).execute()
    return { status: unchanged ? 'unchanged' : 'success', ...counts }
  })
}

/** What takes place between an hour ago and a day from now, and names the room's address. */
function relevant(
  entries: readonly CalendarEntry[],
  { settings, now }: Workshop,
  room: RoomRow,
): CalendarEntry[] {
  const address = `${settings.UI_BASE_URL}/${room.name}`.toLowerCase()
  const at = now().getTime()
  return entries.filter(({ start, cancelled, location, description }) => {
    const named = `${location}\n${description}`.toLowerCase().includes(address)
    const time = start.getTime()
    return !cancelled && named && time >= at - 3_600_000 && time <= at + 86_400_000
  })
}

async function store(
  db: Db,
  room: RoomRow,
  feed: { readonly entries: readonly CalendarEntry[]; readonly now: Date },
): Promise<{ created: number; updated: number; deleted: number }> {
  const now = feed.now.toISOString()
  const known = await db
    .selectFrom('calendar_event')
    .selectAll()
    .where('room_id', '=', room.id)
    .execute()
  const counts = { created: 0, updated: 0, deleted: 0 }
  for (const entry of feed.entries) {
    const row = {
      title: entry.title,
      description: entry.description,
      location: entry.location,
      start_time: entry.start.toISOString(),
      end_time: entry.end.toISOString(),
      attendees: JSON.stringify(entry.attendees),
      last_synced: now,
      is_deleted: 0,
    }
    await db
      .insertInto('calendar_event')
      .values({ id: randomUUID(), room_id: room.id, ics_uid: entry.uid, ...row })
      .onConflict((conflict) => conflict.columns(['room_id', 'ics_uid']).doUpdateSet(row))
      .execute()
    if (known.some(({ ics_uid }) => ics_uid === entry.uid)) counts.updated++
    else counts.created++
  }
  const uids = new Set(feed.entries.map(({ uid }) => uid))
  const gone = known.filter(
    (one) => !uids.has(one.ics_uid) && one.is_deleted === 0 && one.start_time > now,
  )
  for (const { id } of gone)
    await db.updateTable('calendar_event').set({ is_deleted: 1 }).where('id', '=', id).execute()
  return { ...counts, deleted: gone.length }
}
