import { createBroker } from 'taskwright'
import { afterEach, beforeEach, expect, it } from 'vitest'
import '../src/tasks/all.ts'
import { broker } from '../src/broker.ts'
import { pipelineFileProcess } from '../src/tasks/file-process.ts'
import { processRecording } from '../src/tasks/recordings.ts'
import { sendTranscriptWebhook } from '../src/tasks/webhooks.ts'
import { setStage, type Stage } from './stage.ts'

let stage: Stage
beforeEach(async () => {
  stage = await setStage({ mode: 'inline' })
})
afterEach(() => stage.end())

/** The 22 tasks of the guide by their Celery names, and the names of their arguments. */
const guide: Readonly<Record<string, readonly string[]>> = {
  'reflector.worker.healthcheck.healthcheck_ping': [],
  'reflector.worker.process.process_messages': [],
  'reflector.worker.process.process_recording': ['bucket_name', 'object_key'],
  'reflector.worker.process.process_meetings': [],
  'reflector.worker.process.reprocess_failed_recordings': [],
  'reflector.worker.cleanup.cleanup_old_public_data_task': ['days'],
  'reflector.worker.ics_sync.sync_room_ics': ['room_id'],
  'reflector.worker.ics_sync.sync_all_ics_calendars': [],
  'reflector.worker.ics_sync.create_upcoming_meetings': [],
  'reflector.worker.webhook.send_transcript_webhook': ['transcript_id', 'room_id', 'event_id'],
  'reflector.pipelines.main_file_pipeline.task_pipeline_file_process': ['transcript_id'],
  'reflector.pipelines.main_file_pipeline.task_send_webhook_if_needed': ['transcript_id'],
  'reflector.pipelines.main_live_pipeline.task_pipeline_waveform': ['transcript_id'],
  'reflector.pipelines.main_live_pipeline.task_pipeline_convert_to_mp3': ['transcript_id'],
  'reflector.pipelines.main_live_pipeline.task_pipeline_upload_mp3': ['transcript_id'],
  'reflector.pipelines.main_live_pipeline.task_pipeline_remove_upload': ['transcript_id'],
  'reflector.pipelines.main_live_pipeline.task_pipeline_diarization': ['transcript_id'],
  'reflector.pipelines.main_live_pipeline.task_pipeline_title': ['transcript_id'],
  'reflector.pipelines.main_live_pipeline.task_pipeline_final_summaries': ['transcript_id'],
  'reflector.pipelines.main_live_pipeline.task_cleanup_consent': ['transcript_id'],
  'reflector.pipelines.main_live_pipeline.task_pipeline_post_to_zulip': ['transcript_id'],
  'reflector.pipelines.main_live_pipeline.task_pipeline_process': ['transcript_id'],
}

it('every task of the guide runs under its Celery name, its arguments given by name', async () => {
  expect(Object.keys(guide)).toHaveLength(22)
  const python = createBroker('memory:')
  for (const [name, params] of Object.entries(guide)) {
    const old = python.remoteTask<string[], unknown>({ name, params })
    const args = params.map((param) => (param === 'days' ? 7 : 'nobody')) as string[]
    await old
      .kicker()
      .withBroker(broker)
      .kiq(...args)
  }
  // Some fail, as there is no transcript 'nobody'; none is unknown, and none got its arguments wrongly.
  await stage.app.drain()
  expect(stage.app.settled().filter(({ status }) => status === 'dead')).toEqual([])
  for (const { error } of stage.app.failures)
    expect(error?.message).toMatch(/no transcript nobody|ENOENT|could not read|WAV/)
  expect(new Set(stage.app.sent().map(({ task }) => task)).size).toBeGreaterThanOrEqual(22)
})

it('wrong arguments are refused when they are written, and when they arrive', async () => {
  const wrong = (): unknown => [
    // @ts-expect-error the transcript is missing
    pipelineFileProcess.kiq(),
    // @ts-expect-error a session is not an argument: it is handed in by name
    pipelineFileProcess.kiq({}, 'transcript'),
    // @ts-expect-error two texts, not one
    processRecording.kiq('recordings'),
    // @ts-expect-error an event id is a text
    sendTranscriptWebhook.kiq('transcript', 'room', 7),
  ]
  expect(wrong).toBeTypeOf('function')
  // From programs without types: names that do not bind fail, and say so.
  const python = createBroker('memory:')
  const extra = python.remoteTask<[string, string], unknown>({
    name: 'reflector.pipelines.main_file_pipeline.task_pipeline_file_process',
    params: ['transcript_id', 'session'],
  })
  await extra.kicker().withBroker(broker).kiq('nobody', 'a session')
  await stage.app.drain()
  expect(stage.app.failures.map(({ error }) => error?.message)).toEqual([
    expect.stringMatching(/session/),
  ])
})
