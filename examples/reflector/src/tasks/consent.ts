import { rm } from 'node:fs/promises'
import { TaskContext } from 'taskwright'
import { broker, stepRetry } from '../broker.ts'
import type { Db, RecordingRow } from '../data/tables.ts'
import { getTranscript, patchTranscript, type Transcript } from '../data/transcripts.ts'
import { filesOf } from '../pipelines/workshop.ts'
import { buckets, withSession, workshop } from './dependencies.ts'

/**
 * Deletes the sound of a recording to which somebody has not consented: the original, what was kept,
 * and the local files. That it is deleted is written down only when all of it is; a store that fails
 * is tried again.
 */
export const cleanupConsent = broker.task(
  {
    name: 'task_cleanup_consent',
    aliases: ['reflector.pipelines.main_live_pipeline.task_cleanup_consent'],
    deps: { workshop, session: withSession, buckets, ctx: TaskContext },
    params: ['transcript_id'],
    retry: stepRetry,
    timeout: '5m',
  },
  async ({ workshop, session, buckets, ctx }, transcriptId: string) => {
    const transcript = await getTranscript(workshop.db, transcriptId)
    let found: { denied: boolean; recording: RecordingRow | undefined }
    try {
      found = await consentOf(workshop.db, transcript)
    } catch (error) {
      // Who cannot be asked has not consented.
      ctx.logger.error('the consent could not be looked up, so it counts as denied', { error })
      found = { denied: true, recording: undefined }
    }
    const { denied, recording } = found
    if (!denied) return
    if (recording !== undefined) await buckets(recording.bucket_name)?.delete(recording.object_key)
    const files = filesOf(workshop, transcriptId)
    const key = files.storageKey(transcriptId)
    await workshop.storage?.delete(key)
    await workshop.storage?.delete(`file_pipeline/${key}`)
    for (const file of [files.audio, files.wav]) await rm(file, { force: true })
    await files.removeUpload()
    await patchTranscript(await session.begin(), transcriptId, { audio_deleted: 1 })
  },
)

/** Whether anybody in the meeting of this transcript said no. Without a meeting there is nobody to ask. */
async function consentOf(
  db: Db,
  transcript: Transcript,
): Promise<{ denied: boolean; recording: RecordingRow | undefined }> {
  const recording = await db
    .selectFrom('recording')
    .selectAll()
    .where('id', '=', transcript.recording_id ?? '')
    .executeTakeFirst()
  const meetingId = recording?.meeting_id ?? transcript.meeting_id
  if (meetingId === null) return { denied: false, recording }
  const no = await db
    .selectFrom('meeting_consent')
    .select('id')
    .where('meeting_id', '=', meetingId)
    .where('consent_given', '=', 0)
    .executeTakeFirst()
  return { denied: no !== undefined, recording }
}
