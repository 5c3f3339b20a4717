import { configSource, createScheduler, type ScheduleEntries } from 'taskwright'
import { broker } from './broker.ts'
import type { Settings } from './settings.ts'
import { readSettings } from './settings.ts'
import { createUpcomingMeetings, syncAllIcsCalendars } from './tasks/calendars.ts'
import { cleanupOldPublicData } from './tasks/cleanup.ts'
import { healthcheckPing } from './tasks/health.ts'
import { processMeetings } from './tasks/meetings.ts'
import { processMessages, reprocessFailedRecordings } from './tasks/recordings.ts'

/** What decides about the schedule. */
export type ScheduleSettings = Pick<
  Settings,
  'SQS_POLLING_TIMEOUT_SECONDS' | 'PUBLIC_MODE' | 'HEALTHCHECK_URL'
>

/**
 * Celery's `beat_schedule`, from the settings: plain data, so it can be looked at without a scheduler.
 * A run that is still going on is not started again beside itself.
 */
export function buildSchedule(settings: ScheduleSettings): ScheduleEntries {
  const polling = settings.SQS_POLLING_TIMEOUT_SECONDS * 1000
  return {
    process_messages: { task: processMessages, every: polling, overlap: 'skip' },
    process_meetings: { task: processMeetings, every: polling, overlap: 'skip' },
    reprocess_failed_recordings: { task: reprocessFailedRecordings, cron: '0 5 * * *' },
    sync_all_ics_calendars: { task: syncAllIcsCalendars, every: '60s', overlap: 'skip' },
    create_upcoming_meetings: { task: createUpcomingMeetings, every: '30s', overlap: 'skip' },
    ...(settings.PUBLIC_MODE && {
      cleanup_old_public_data: { task: cleanupOldPublicData, cron: '0 3 * * *' },
    }),
    ...(settings.HEALTHCHECK_URL !== undefined && {
      healthcheck_ping: { task: healthcheckPing, every: '600s' },
    }),
  }
}

/** Any number of these may run: each slot is sent once. */
export const scheduler = createScheduler({
  broker,
  sources: [configSource(broker, buildSchedule(readSettings(process.env)))],
})
