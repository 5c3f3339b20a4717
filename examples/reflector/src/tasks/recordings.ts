import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { extname } from 'node:path'
import { TaskContext } from 'taskwright'
import { broker } from '../broker.ts'
import type { Db, RecordingRow } from '../data/tables.ts'
import {
  checked,
  createTranscript,
  getTranscript,
  NoTranscriptError,
  setUploaded,
  type Transcript,
} from '../data/transcripts.ts'
import { clearTopics } from '../data/topics.ts'
import { filesOf, inTransaction, type Workshop } from '../pipelines/workshop.ts'
import { buckets, recordingQueue, settings, workshop } from './dependencies.ts'
import { startProcessing } from './start-processing.ts'

/** Takes in a recording that a meeting left in the bucket, and sends it to be processed. */
export const processRecording = broker.task(
  {
    name: 'process_recording',
    aliases: ['reflector.worker.process.process_recording'],
    deps: { workshop, buckets, ctx: TaskContext },
    params: ['bucket_name', 'object_key'],
    timeout: '15m',
  },
  async ({ workshop, buckets, ctx }, bucketName: string, objectKey: string) => {
    const recording = await recordingOf(workshop, bucketName, objectKey)
    if (recording === undefined) {
      ctx.logger.warn('no meeting was held in the room of this recording', { objectKey })
      return
    }
    const transcript = await transcriptOf(workshop, recording)
    const { id, status } = transcript
    // Announced again: somebody is at it, or has done it. What was stored but not sent is sent.
    if (status === 'uploaded') await startProcessing(workshop.db, id)
    if (status !== 'idle' && status !== 'error') return
    const file = `${filesOf(workshop, id).folder}/upload${extname(objectKey)}`
    await buckets(bucketName)?.download(objectKey, file)
    if (!(await workshop.tool.hasAudio(file))) {
      await rm(file, { force: true })
      throw new Error(`the recording ${objectKey} holds no sound`)
    }
    const ours = await inTransaction(workshop, async (db) => {
      if (!(await setUploaded(db, id))) return false
      await clearTopics(db, id)
      return true
    })
    if (ours) await startProcessing(workshop.db, id)
  },
)

/** Asks the queue for one message, and sends the recordings of which it tells. */
export const processMessages = broker.task(
  {
    name: 'process_messages',
    aliases: ['reflector.worker.process.process_messages'],
    deps: { recordingQueue, ctx: TaskContext },
    timeout: '1m',
  },
  async ({ recordingQueue, ctx }): Promise<number> => {
    if (recordingQueue === undefined) {
      ctx.logger.warn('AWS_PROCESS_RECORDING_QUEUE_URL is not set: no recordings are taken in')
      return 0
    }
    try {
      const message = await recordingQueue.receive()
      if (message === undefined) return 0
      // First sent, then deleted: a death in between has them announced again, never lost.
      await processRecording.kiqMany(
        message.objects.map(({ bucket, key }): [string, string] => [bucket, key]),
      )
      await recordingQueue.delete(message.receipt)
      return message.objects.length
    } catch (error) {
      ctx.logger.error('the queue of recordings could not be read', { error })
      return 0
    }
  },
)

/** Sends every recording again that has no transcript, or one that failed; how many. */
export const reprocessFailedRecordings = broker.task(
  {
    name: 'reprocess_failed_recordings',
    aliases: ['reflector.worker.process.reprocess_failed_recordings'],
    deps: { workshop, settings, buckets, ctx: TaskContext },
    timeout: '1h',
  },
  async ({ workshop, settings, buckets, ctx }): Promise<number> => {
    const name = settings.RECORDING_BUCKET
    const bucket = buckets(name)
    if (bucket === undefined || name === undefined) return 0
    let sent = 0
    try {
      for await (const key of bucket.list()) {
        if (!key.endsWith('.mp4') || !(await needsProcessing(workshop, name, key))) continue
        await processRecording.kiq(name, key)
        sent++
      }
    } catch (error) {
      ctx.logger.error('the recordings could not be listed', { error, sent })
    }
    return sent
  },
)

async function needsProcessing({ db }: Workshop, bucket: string, key: string): Promise<boolean> {
  const recording = await findRecording(db, bucket, key)
  if (recording === undefined) return true
  const row = await db
    .selectFrom('transcript')
    .selectAll()
    .where('recording_id', '=', recording.id)
    .executeTakeFirst()
  if (row === undefined) return true
  try {
    return checked(row).status === 'error'
  } catch (error) {
    if (!(error instanceof NoTranscriptError)) throw error
    // A row that nobody can read is worth less than none.
    await db.deleteFrom('transcript').where('id', '=', row.id).execute()
    return true
  }
}

/** The recording of an object, made if it is new; `undefined` when no meeting belongs to it. */
async function recordingOf(
  { db, now }: Workshop,
  bucket: string,
  key: string,
): Promise<RecordingRow | undefined> {
  const known = await findRecording(db, bucket, key)
  if (known !== undefined) return known
  const meeting = await db
    .selectFrom('meeting')
    .select('id')
    .where('room_name', '=', `/${key.slice(0, 36)}`)
    .executeTakeFirst()
  if (meeting === undefined) return undefined
  // `<uuid of the room>-<time>.mp4`, without a zone in UTC.
  const text = key.slice(37, 57)
  const time = Date.parse(/Z|[+-]\d\d:?\d\d$/.test(text) ? text : `${text}Z`)
  await db
    .insertInto('recording')
    .values({
      id: randomUUID(),
      bucket_name: bucket,
      object_key: key,
      recorded_at: (Number.isNaN(time) ? now() : new Date(time)).toISOString(),
      status: 'pending',
      meeting_id: meeting.id,
    })
    .onConflict((conflict) => conflict.columns(['bucket_name', 'object_key']).doNothing())
    .execute()
  return findRecording(db, bucket, key)
}

function findRecording(db: Db, bucket: string, key: string): Promise<RecordingRow | undefined> {
  return db
    .selectFrom('recording')
    .selectAll()
    .where('bucket_name', '=', bucket)
    .where('object_key', '=', key)
    .executeTakeFirst()
}

/** The one transcript of a recording, made if it is new. */
async function transcriptOf({ db, now }: Workshop, recording: RecordingRow): Promise<Transcript> {
  const room = await db
    .selectFrom('meeting')
    .innerJoin('room', 'room.id', 'meeting.room_id')
    .select(['room.id', 'room.user_id'])
    .where('meeting.id', '=', recording.meeting_id)
    .executeTakeFirst()
  try {
    return await createTranscript(db, {
      now: now(),
      name: '',
      source_kind: 'room',
      share_mode: 'public',
      user_id: room?.user_id ?? null,
      room_id: room?.id ?? null,
      meeting_id: recording.meeting_id,
      recording_id: recording.id,
    })
  } catch (error) {
    // Somebody else has made it: the table takes one for each recording.
    const there = await db
      .selectFrom('transcript')
      .select('id')
      .where('recording_id', '=', recording.id)
      .executeTakeFirst()
    if (there === undefined) throw error
    return getTranscript(db, there.id)
  }
}
