/** Scenarios 21 and 28 by processes: two schedulers and two workers, one run for each slot, one meeting. */
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { startProcess, taskwright, type DemoProcess } from '../../src/demo/processes.ts'
import { createUpcomingMeetings, syncRoomIcs } from '../../src/tasks/calendars.ts'
import { processMessages } from '../../src/tasks/recordings.ts'
import { setStage, type Stage } from '../stage.ts'

const schedule = fileURLToPath(new URL('../../src/schedule.ts', import.meta.url))
const polling = { SQS_POLLING_TIMEOUT_SECONDS: '2' }
let stage: Stage
const running: DemoProcess[] = []

beforeEach(async () => {
  stage = await setStage({ mode: 'concurrent' }, polling)
})
afterEach(async () => {
  for (const scheduler of running.splice(0)) await scheduler.stop()
  await stage.end()
})

async function startScheduler(): Promise<void> {
  const scheduler = startProcess({
    name: 'a scheduler',
    args: taskwright('scheduler', `${schedule}:scheduler`, '--log-format', 'json'),
    env: polling,
    readyAt: /scheduler started/,
  })
  running.push(scheduler)
  await scheduler.ready
}

it('two schedulers begin each run once, and an event of a calendar has one meeting', async () => {
  const room = await stage.room({
    name: 'daily',
    ics_enabled: 1,
    ics_url: `${stage.world.url}/calendars/daily.ics`,
  })
  const time = (minutes: number): string =>
    new Date(Date.now() + minutes * 60_000).toISOString().replace(/[-:]|\.\d+/g, '')
  const event = [
    ...['BEGIN:VCALENDAR', 'VERSION:2.0', 'BEGIN:VEVENT', 'UID:one', 'SUMMARY:Planning'],
    ...[`DTSTART:${time(5)}`, `DTEND:${time(65)}`],
    ...[`LOCATION:${stage.settings.UI_BASE_URL}/${room.name}`, 'END:VEVENT', 'END:VCALENDAR'],
  ]
  stage.world.calendars.feeds.set('daily.ics', event.join('\r\n'))
  await (await syncRoomIcs.kiq(room.id)).result()

  const begun = Date.now()
  await Promise.all([startScheduler(), startScheduler()])
  await expect
    .poll(() => stage.app.sent(createUpcomingMeetings).length, { timeout: 45_000 })
    .toBeGreaterThan(0)
  for (const scheduler of running.splice(0)) await scheduler.stop()
  await stage.app.drain()
  const slots = (every: number): number =>
    Math.floor(Date.now() / every) - Math.floor(begun / every) + 1
  expect(stage.app.failures).toEqual([])
  expect(stage.app.sent(createUpcomingMeetings).length).toBeLessThanOrEqual(slots(30_000))
  expect(stage.app.sent(processMessages).length).toBeLessThanOrEqual(slots(2000))
  expect(stage.world.whereby.meetings).toHaveLength(1)
  expect(await stage.db.selectFrom('meeting').selectAll().execute()).toHaveLength(1)
}, 90_000)
