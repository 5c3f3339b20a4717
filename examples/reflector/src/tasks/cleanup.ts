import { fixed, TaskContext } from 'taskwright'
import { broker } from '../broker.ts'
import type { Db, TranscriptRow } from '../data/tables.ts'
import type { ObjectStore } from '../outside/object-store.ts'
import { filesOf, inTransaction, type Workshop } from '../pipelines/workshop.ts'
import { buckets, workshop } from './dependencies.ts'

/** What was deleted, and what could not be. */
export interface CleanupStats {
  readonly transcripts_deleted: number
  readonly meetings_deleted: number
  readonly recordings_deleted: number
  readonly errors: readonly string[]
}

/** Deletes what people without an account have recorded, when its time is over. */
export const cleanupOldPublicData = broker.task(
  {
    name: 'cleanup_old_public_data_task',
    aliases: ['reflector.worker.cleanup.cleanup_old_public_data_task'],
    deps: { workshop, buckets, ctx: TaskContext },
    params: ['days'],
    retry: { max: 3, backoff: fixed('300s') },
    timeout: '1h',
  },
  async ({ workshop, buckets, ctx }, days?: number): Promise<CleanupStats | null> => {
    const { settings, db, now } = workshop
    if (!settings.PUBLIC_MODE) return null
    const age = days ?? settings.PUBLIC_DATA_RETENTION_DAYS
    const cutoff = new Date(now().getTime() - age * 86_400_000).toISOString()
    const old = await db
      .selectFrom('transcript')
      .selectAll()
      .where('created_at', '<', cutoff)
      .where('user_id', 'is', null)
      .execute()
    const stats = { transcripts_deleted: 0, meetings_deleted: 0, recordings_deleted: 0 }
    const errors: string[] = []
    for (const transcript of old) {
      try {
        await deleteObjects(workshop, transcript, buckets)
        const gone = await inTransaction(workshop, (db) => deleteRows(db, transcript))
        await filesOf(workshop, transcript.id).removeAll()
        stats.transcripts_deleted++
        stats.meetings_deleted += gone.meetings
        stats.recordings_deleted += gone.recordings
      } catch (error) {
        ctx.logger.error('a transcript could not be deleted', { error, transcript: transcript.id })
        errors.push(`${transcript.id}: ${error instanceof Error ? error.message : String(error)}`)
      }
    }
    return { ...stats, errors }
  },
)

/** Objects first: when the rows are gone, nobody knows of them any more. */
async function deleteObjects(
  workshop: Workshop,
  { id, recording_id }: TranscriptRow,
  bucketOf: (name: string) => ObjectStore | undefined,
): Promise<void> {
  const key = filesOf(workshop, id).storageKey(id)
  await workshop.storage?.delete(key)
  await workshop.storage?.delete(`file_pipeline/${key}`)
  if (recording_id === null) return
  const recording = await workshop.db
    .selectFrom('recording')
    .selectAll()
    .where('id', '=', recording_id)
    .executeTakeFirst()
  if (recording !== undefined) await bucketOf(recording.bucket_name)?.delete(recording.object_key)
}

/** With a meeting go its consents. */
async function deleteRows(
  db: Db,
  { id, meeting_id, recording_id }: TranscriptRow,
): Promise<{ meetings: number; recordings: number }> {
  const counts = { meetings: 0, recordings: 0 }
  if (meeting_id !== null) {
    const gone = await db.deleteFrom('meeting').where('id', '=', meeting_id).executeTakeFirst()
    counts.meetings = Number(gone.numDeletedRows)
  }
  if (recording_id !== null) {
    const gone = await db.deleteFrom('recording').where('id', '=', recording_id).executeTakeFirst()
    counts.recordings = Number(gone.numDeletedRows)
  }
  await db.deleteFrom('transcript').where('id', '=', id).execute()
  return counts
}
