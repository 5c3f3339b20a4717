import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { takeLock } from '../src/data/locks.ts'
import type { RoomRow } from '../src/data/tables.ts'
import { readCalendar } from '../src/outside/calendar-feed.ts'
import { createUpcomingMeetings, syncAllIcsCalendars, syncRoomIcs } from '../src/tasks/calendars.ts'
import { onRedis, setStage, virtualOnly, type Stage } from './stage.ts'

let stage: Stage
let room: RoomRow
beforeEach(async () => {
  stage = await setStage({ mode: 'concurrent', seed: 3 })
  room = await stage.room({ name: 'daily', ics_enabled: 1 })
  const ics_url = `${stage.world.url}/calendars/daily.ics`
  await stage.db.updateTable('room').set({ ics_url }).execute()
})
afterEach(() => stage.end())

describe('a feed', () => {
  it('is read with its zones, whole days, missing ends and crowded attendees', () => {
    const [zoned, day, open] = readCalendar(
      feed([
        `DTSTART;TZID=Europe/Paris:20260701T100000
DTEND;TZID=Europe/Paris:20260701T110000
ATTENDEE;CN=Ada;PARTSTAT=ACCEPTED:mailto:ada@example.org,mailto:bob@example.org
ORGANIZER;CN=Grace:mailto:grace@example.org`,
        'DTSTART;VALUE=DATE:20260702',
        'DTSTART:20260703T100000',
      ]),
    )
    expect(zoned?.start.toISOString()).toBe('2026-07-01T08:00:00.000Z')
    expect(zoned?.end.toISOString()).toBe('2026-07-01T09:00:00.000Z')
    expect(zoned?.attendees).toMatchObject([
      { email: 'ada@example.org', name: 'Ada', status: 'ACCEPTED' },
      { email: 'bob@example.org' },
      { email: 'grace@example.org', name: 'Grace', role: 'ORGANIZER' },
    ])
    expect(day?.start.toISOString()).toBe('2026-07-02T00:00:00.000Z')
    expect(open?.start.toISOString()).toBe('2026-07-03T10:00:00.000Z')
    expect(open?.end.toISOString()).toBe('2026-07-03T11:00:00.000Z')
  })

  it('brings new entries, changed ones, and marks those that are gone', async () => {
    publish([entry(1), entry(2)])
    expect(await sync()).toMatchObject({ status: 'success', created: 2, updated: 0, deleted: 0 })
    expect(await sync()).toMatchObject({ status: 'unchanged' })
    publish([entry(1, 'SUMMARY:moved')])
    expect(await sync()).toMatchObject({ created: 0, updated: 1, deleted: 1 })
    const rows = await stage.db
      .selectFrom('calendar_event')
      .select(['ics_uid', 'title', 'is_deleted'])
      .orderBy('ics_uid')
      .execute()
    expect(rows).toEqual([
      { ics_uid: 'uid-0', title: 'moved', is_deleted: 0 },
      { ics_uid: 'uid-1', title: 'entry', is_deleted: 1 },
    ])
  })

  it('leaves out what is cancelled, far away, or of another room', async () => {
    publish([
      entry(1, 'STATUS:CANCELLED'),
      entry(30),
      entry(-2),
      entry(1).replace('/daily', '/weekly'),
      entry(3),
    ])
    expect(await sync()).toMatchObject({ created: 1 })
  })

  it('that is not there is an error, not a failure', async () => {
    expect(await sync()).toMatchObject({ status: 'error', error: expect.stringContaining('404') })
    stage.world.calendars.feeds.set('daily.ics', 'no calendar at all')
    expect(await sync()).toMatchObject({ status: 'error' })
    expect(stage.app.failures).toEqual([])
  })

  it.skipIf(onRedis)(`that another reads is skipped at once${virtualOnly}`, async () => {
    publish([entry(1)])
    const now = (): number => stage.now().getTime()
    await takeLock(stage.db, { name: `ics_sync_room:${room.id}`, ttl: 60_000, now })
    expect(await sync()).toMatchObject({ status: 'skipped' })
    await stage.virtual.clock.advance('61s')
    expect(await sync()).toMatchObject({ status: 'success' })
  })
})

it.skipIf(onRedis)(
  `rooms are read when their interval is over, also when nothing has changed${virtualOnly}`,
  async () => {
    publish([entry(1)])
    const all = async (): Promise<number> => {
      const handle = await syncAllIcsCalendars.kiq()
      await stage.app.idle()
      return handle.result()
    }
    expect(await all()).toBe(1)
    await stage.virtual.clock.advance('299s')
    expect(await all()).toBe(0)
    await stage.virtual.clock.advance('1s')
    expect(await all()).toBe(1)
    await stage.virtual.clock.advance('60s')
    expect(await all()).toBe(0)
  },
)

it('an event has one meeting, though four make it at the same time', async () => {
  publish([entry(0.1), entry(5)])
  await sync()
  stage.world.faults.plan({ service: 'whereby', times: 'always', does: { delay: 20 } })
  const handles = await createUpcomingMeetings.kiqMany([[], [], [], []])
  await stage.app.idle()
  const made = await Promise.all(handles.map((handle) => handle.result()))
  expect(made.reduce((sum, count) => sum + count, 0)).toBe(1)
  expect(stage.world.whereby.meetings).toHaveLength(1)
  const [meeting] = await stage.db.selectFrom('meeting').selectAll().execute()
  expect(meeting).toMatchObject({ is_active: 1, room_id: room.id })
  expect(JSON.parse(meeting?.calendar_metadata ?? '{}')).toMatchObject({ title: 'entry' })
})

it.each([
  [7, 1],
  [7.1, 0],
  [-5.9, 1],
  [-6, 0],
])('an event that begins in %d minutes has %d meetings made', async (minutes, count) => {
  publish([entry(minutes / 60)])
  await sync()
  const handle = await createUpcomingMeetings.kiq()
  await stage.app.idle()
  expect(await handle.result()).toBe(count)
})

async function sync(): Promise<unknown> {
  const handle = await syncRoomIcs.kiq(room.id)
  await stage.app.idle()
  return handle.result()
}

function publish(entries: readonly string[]): void {
  stage.world.calendars.feeds.set('daily.ics', feed(entries))
}

/** An hour long, in so many hours. */
function entry(hours: number, more = 'SUMMARY:entry'): string {
  const time = (at: number): string => {
    const iso = new Date(stage.now().getTime() + at * 3_600_000).toISOString()
    return `${iso.replace(/[-:]|\.\d+/g, '')}`
  }
  const lines = [`DTSTART:${time(hours)}`, `DTEND:${time(hours + 1)}`, more]
  return [...lines, `LOCATION:${stage.settings.UI_BASE_URL}/Daily`.toLowerCase()]
    .join('\n')
    .replace('location', 'LOCATION')
}

function feed(entries: readonly string[]): string {
  const events = entries.map(
    (lines, index) => `BEGIN:VEVENT\nUID:uid-${index}\n${lines}\nEND:VEVENT`,
  )
  return `BEGIN:VCALENDAR\nVERSION:2.0\n${events.join('\n')}\nEND:VCALENDAR`.replaceAll(
    '\n',
    '\r\n',
  )
}
