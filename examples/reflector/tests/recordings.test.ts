import { writeFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { makeRecording } from '../src/audio/recording.ts'
import { encodeWav } from '../src/audio/wav.ts'
import { getTranscript } from '../src/data/transcripts.ts'
import { ObjectStore } from '../src/outside/object-store.ts'
import { announcement } from '../src/stand-ins/object-store.ts'
import { pipelineFileProcess } from '../src/tasks/file-process.ts'
import {
  processMessages,
  processRecording,
  reprocessFailedRecordings,
} from '../src/tasks/recordings.ts'
import { onRedis, setStage, shortTalk, virtualOnly, type Stage } from './stage.ts'

let stage: Stage
afterEach(() => stage.end())

function bucket(name = 'recordings'): ObjectStore {
  const { OBJECT_STORE_URL: url = '', OBJECT_STORE_KEY: key, ...rest } = stage.settings
  return new ObjectStore({ url, key, secret: rest.OBJECT_STORE_SECRET }, name)
}

async function talk(): Promise<string> {
  const file = join(stage.folder, 'talk')
  await writeFile(file, encodeWav(makeRecording(shortTalk)))
  return file
}

/** A meeting and the key of its recording. */
async function held(): Promise<{ key: string; meetingId: string; roomId: string }> {
  const room = await stage.room()
  const meeting = await stage.meeting(room)
  const key = `${meeting.room_name.slice(1)}-2026-01-02T03:04:05Z.mp4`
  return { key, meetingId: meeting.id, roomId: room.id }
}

const transcripts = () => stage.db.selectFrom('transcript').selectAll().execute()

it('a recording in the bucket becomes a transcript of its meeting', async () => {
  stage = await setStage({ mode: 'inline' })
  const { key, meetingId, roomId } = await held()
  await bucket().put(key, await talk())
  expect(await (await processMessages.kiq()).result()).toBe(1)
  await stage.app.drain()
  expect(stage.app.failures).toEqual([])
  expect(await transcripts()).toMatchObject([
    {
      status: 'ended',
      meeting_id: meetingId,
      room_id: roomId,
      user_id: 'ada',
      source_kind: 'room',
    },
  ])
  const recording = await stage.db.selectFrom('recording').selectAll().executeTakeFirstOrThrow()
  expect(recording).toMatchObject({ object_key: key, recorded_at: '2026-01-02T03:04:05.000Z' })
  expect(stage.world.queues.count('new-recordings')).toBe(0)
  expect(stage.world.receiver.received).toHaveLength(1)
})

it('announced three times at once it is one recording, one transcript and one run', async () => {
  stage = await setStage({ mode: 'concurrent', seed: 9 })
  const { key } = await held()
  await bucket().put(key, await talk())
  for (const _ of [1, 2]) stage.world.queues.send('new-recordings', announcement('recordings', key))
  await processMessages.kiqMany([[], [], []])
  await processRecording.kiqMany([
    ['recordings', key],
    ['recordings', key],
    ['recordings', key],
  ])
  await stage.app.drain()
  expect(stage.app.failures).toEqual([])
  expect(await stage.db.selectFrom('recording').selectAll().execute()).toHaveLength(1)
  expect(await transcripts()).toMatchObject([{ status: 'ended' }])
  expect(stage.app.settled(pipelineFileProcess)).toHaveLength(1)
  // And again, when all is done.
  await processRecording.kiq('recordings', key)
  await stage.app.drain()
  expect(stage.app.settled(pipelineFileProcess)).toHaveLength(1)
})

it('a recording without sound fails, and leaves neither file nor message', async () => {
  stage = await setStage({ mode: 'inline' })
  const { key } = await held()
  const file = join(stage.folder, 'silence')
  await writeFile(file, 'no sound at all')
  await bucket().put(key, file)
  await processMessages.kiq()
  await stage.app.drain()
  expect(stage.app.failures).toMatchObject([{ task: 'process_recording' }])
  const [transcript] = await transcripts()
  expect(existsSync(join(stage.folder, 'data', transcript?.id ?? '', 'upload.mp4'))).toBe(false)
  expect(stage.world.queues.count('new-recordings')).toBe(0)
})

it('a queue that breaks is asked again at the next tick', async () => {
  stage = await setStage({ mode: 'inline' })
  const { key } = await held()
  await bucket().put(key, await talk())
  stage.world.faults.plan({ service: 'queue', does: { status: 500 } })
  expect(await (await processMessages.kiq()).result()).toBe(0)
  expect(await (await processMessages.kiq()).result()).toBe(1)
  expect(stage.app.failures).toEqual([])
})

it.skipIf(onRedis)(
  `a worker that dies between the row and the message sends it all the same${virtualOnly}`,
  async () => {
    stage = await setStage({ mode: 'concurrent', seed: 12 })
    const { key } = await held()
    await bucket().put(key, await talk())
    stage.virtual.faults.killWorker({ at: 'send', task: processRecording })
    await processRecording.kiq('recordings', key)
    await stage.app.drain()
    expect(stage.virtual.faults.pending).toEqual([])
    expect(await transcripts()).toMatchObject([{ status: 'ended' }])
    expect(stage.app.settled(pipelineFileProcess)).toHaveLength(1)
  },
)

it('of the recordings in the bucket those are sent again that have no good transcript', async () => {
  stage = await setStage({ mode: 'inline' })
  const file = await talk()
  const of = async (status: string | undefined): Promise<string> => {
    const { key, meetingId } = await held()
    await bucket().put(key, file)
    if (status === 'unknown') return key
    const recording_id = `recording-${key}`
    await stage.db
      .insertInto('recording')
      .values({
        id: recording_id,
        bucket_name: 'recordings',
        object_key: key,
        recorded_at: stage.now().toISOString(),
        status: 'pending',
        meeting_id: meetingId,
      })
      .execute()
    if (status === undefined) return key
    const transcript = await stage.transcript({ recording_id, meeting_id: meetingId })
    await stage.db
      .updateTable('transcript')
      .set({ status })
      .where('id', '=', transcript.id)
      .execute()
    return key
  }
  const wanted = [await of('unknown'), await of(undefined), await of('error'), await of('nonsense')]
  await of('ended')
  await of('processing')
  await bucket().put('notes.txt', file)
  expect(await (await reprocessFailedRecordings.kiq()).result()).toBe(4)
  await stage.app.drain()
  const sent = stage.app.sent(processRecording).map(({ args }) => String(args[1]))
  expect(sent.sort()).toEqual(wanted.sort())
  const ended = (await transcripts()).filter(({ status }) => status === 'ended')
  expect(ended).toHaveLength(5)
  for (const { id } of ended.slice(0, 1)) expect((await getTranscript(stage.db, id)).id).toBe(id)
})
