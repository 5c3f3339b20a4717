import { configSource, createScheduler, silentLogger, type Scheduler } from 'taskwright'
import { testBroker, type TestBroker } from 'taskwright/testing'
import { describe, expect, it } from 'vitest'
import { broker } from '../src/broker.ts'
import { buildSchedule, type ScheduleSettings } from '../src/schedule.ts'
import { createUpcomingMeetings, syncAllIcsCalendars } from '../src/tasks/calendars.ts'
import { cleanupOldPublicData } from '../src/tasks/cleanup.ts'
import { healthcheckPing } from '../src/tasks/health.ts'
import { processMeetings } from '../src/tasks/meetings.ts'
import { processMessages, reprocessFailedRecordings } from '../src/tasks/recordings.ts'

const everything: ScheduleSettings = {
  SQS_POLLING_TIMEOUT_SECONDS: 60,
  PUBLIC_MODE: true,
  HEALTHCHECK_URL: 'http://monitor.test/ping',
}

describe('the schedule', () => {
  const always = [
    'process_messages',
    'process_meetings',
    'reprocess_failed_recordings',
    'sync_all_ics_calendars',
    'create_upcoming_meetings',
  ]

  it.each([
    [false, undefined, []],
    [true, undefined, ['cleanup_old_public_data']],
    [false, 'http://monitor.test', ['healthcheck_ping']],
    [true, 'http://monitor.test', ['cleanup_old_public_data', 'healthcheck_ping']],
  ])('has its entries with PUBLIC_MODE %s and HEALTHCHECK_URL %s', (publicMode, url, more) => {
    const settings = { ...everything, PUBLIC_MODE: publicMode, HEALTHCHECK_URL: url }
    expect(Object.keys(buildSchedule(settings))).toEqual([...always, ...more])
  })

  it('polls as often as the settings say', () => {
    const { process_messages, process_meetings } = buildSchedule({
      ...everything,
      SQS_POLLING_TIMEOUT_SECONDS: 5,
    })
    expect(process_messages).toMatchObject({ every: 5000 })
    expect(process_meetings).toMatchObject({ every: 5000 })
  })
})

/** Every task of the schedule, its work left out: here only when they are sent counts. */
function onlyCounted(app: TestBroker): void {
  app.stub(processMessages, async () => 0)
  app.stub(processMeetings, async () => 0)
  app.stub(reprocessFailedRecordings, async () => 0)
  app.stub(syncAllIcsCalendars, async () => 0)
  app.stub(createUpcomingMeetings, async () => 0)
  app.stub(cleanupOldPublicData, async () => null)
  app.stub(healthcheckPing, async () => undefined)
}

function counts(app: TestBroker): Record<string, number> {
  const found: Record<string, number> = {}
  for (const { task } of app.sent()) found[task] = (found[task] ?? 0) + 1
  return found
}

const started = async (settings = everything): Promise<Scheduler> => {
  const sources = [configSource(broker, buildSchedule(settings))]
  const scheduler = createScheduler({ broker, sources })
  await scheduler.start()
  return scheduler
}

const aDay = {
  process_messages: 1440,
  process_meetings: 1440,
  sync_all_ics_calendars: 1440,
  create_upcoming_meetings: 2880,
  healthcheck_ping: 144,
  reprocess_failed_recordings: 1,
  cleanup_old_public_data_task: 1,
}

it('sends in a day what it should, with two schedulers of which one is replaced at noon', async () => {
  const start = new Date('2030-01-01T00:00:00.500Z')
  const quiet = { logger: silentLogger, patience: 0, giveUpAfter: '20s' } as const
  await using app = testBroker(broker, { mode: 'inline', start, ...quiet })
  onlyCounted(app)
  const [first, second] = [await started(), await started()]
  await app.clock.advance('12h')
  await first.stop()
  const third = await started()
  await app.clock.advance('12h')
  await second.stop()
  await third.stop()
  expect(counts(app)).toEqual(aDay)
  const hours = app
    .sent()
    .filter(({ task }) => /reprocess|cleanup/.test(task))
    .map(({ task, sentAt }) => [task, new Date(sentAt).toISOString().slice(11, 16)])
  expect(Object.fromEntries(hours)).toEqual({
    reprocess_failed_recordings: '05:00',
    cleanup_old_public_data_task: '03:00',
  })
  // Seven thousand messages: a minute on a machine that has much else to do.
}, 180_000)

it('does not begin a run beside one that takes longer than the interval', async () => {
  const quiet = { logger: silentLogger, patience: 0, giveUpAfter: '20s' } as const
  await using app = testBroker(broker, { mode: 'concurrent', seed: 61, ...quiet })
  onlyCounted(app)
  const ends: (() => void)[] = []
  app.stub(processMessages, () => new Promise((resolve) => ends.push(() => resolve(0))))
  const scheduler = await started({ ...everything, SQS_POLLING_TIMEOUT_SECONDS: 10 })
  await app.clock.advance('50s')
  expect(ends).toHaveLength(1)
  // Others are not kept by it.
  expect(counts(app)).toMatchObject({ process_messages: 1, process_meetings: 5 })
  ends[0]?.()
  await app.clock.advance('10s')
  expect(ends).toHaveLength(2)
  ends[1]?.()
  await scheduler.stop()
})

it('refuses the six fields of the guide where five are meant, at the start', async () => {
  const entries = { bad: { task: processMessages, cron: '*/60 * * * * *' } }
  await using app = testBroker(broker, { mode: 'inline', logger: silentLogger })
  const sources = [configSource(broker, entries)]
  await expect(createScheduler({ broker, sources }).start()).rejects.toThrow(/bad/)
  expect(app.sent()).toEqual([])
})
