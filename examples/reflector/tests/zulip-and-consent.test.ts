import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { findAudioTool } from '../src/audio/find-audio-tool.ts'
import { getTranscript, type Transcript } from '../src/data/transcripts.ts'
import { ObjectStore } from '../src/outside/object-store.ts'
import { cleanupConsent } from '../src/tasks/consent.ts'
import { postToZulip } from '../src/tasks/zulip-post.ts'
import { onRedis, setStage, virtualOnly, type Stage } from './stage.ts'

// WAV where there is no ffmpeg.
const { format } = findAudioTool()
const keptName = format === 'mp3' ? 'audio.mp3' : 'audio.final.wav'
let stage: Stage
beforeEach(async () => {
  stage = await setStage({ mode: 'inline' })
})
afterEach(() => stage.end())

describe('Zulip', () => {
  it('posts first, changes the message then, and posts again when somebody deleted it', async () => {
    const room = await stage.room()
    const { id } = await stage.transcript({ room_id: room.id, title: 'Weekly', duration: 61_000 })
    await (await postToZulip.kiq(id)).result()
    const first = (await getTranscript(stage.db, id)).zulip_message_id ?? 0
    expect(stage.world.zulip.messages.get(first)).toMatchObject({ to: 'meetings', topic: 'weekly' })
    expect(stage.world.zulip.messages.get(first)?.content).toContain('**Duration**: 1:01')

    await (await postToZulip.kiq(id)).result()
    expect(stage.world.zulip.messages.get(first)?.edits).toBe(1)
    expect(stage.world.zulip.messages.size).toBe(1)

    stage.world.zulip.messages.delete(first)
    await (await postToZulip.kiq(id)).result()
    const second = (await getTranscript(stage.db, id)).zulip_message_id
    expect(second).not.toBe(first)
    expect([...stage.world.zulip.messages.keys()]).toEqual([second])
  })

  it('leaves rooms alone that do not want it', async () => {
    const room = await stage.room({ zulip_auto_post: 0 })
    const { id } = await stage.transcript({ room_id: room.id })
    await (await postToZulip.kiq(id)).result()
    expect(stage.world.zulip.messages.size).toBe(0)
  })
})

describe('consent', () => {
  it('deletes everything when one has said no', async () => {
    const { id, stores } = await recorded([1, 0])
    await (await cleanupConsent.kiq(id)).result()
    await nothingLeft(id, stores)
    expect(stage.app.failures).toEqual([])
  })

  it('keeps everything when nobody has', async () => {
    const { id } = await recorded([1, 1])
    await (await cleanupConsent.kiq(id)).result()
    expect((await getTranscript(stage.db, id)).audio_deleted).toBeNull()
    expect(existsSync(join(stage.folder, 'data', id, 'audio.wav'))).toBe(true)
    expect(stage.world.journal.visits.filter(({ method }) => method === 'DELETE')).toEqual([])
  })

  it.skipIf(onRedis)(
    `says that the sound is deleted only when it is: a store that fails is tried again${virtualOnly}`,
    async () => {
      const { id, stores } = await recorded([0])
      stage.world.faults.plan({ service: 'store', times: 2, does: { status: 503 } })
      const handle = await cleanupConsent.kiq(id)
      await stage.app.idle()
      expect(await handle.status()).toBe('retrying')
      expect((await getTranscript(stage.db, id)).audio_deleted).toBeNull()
      await stage.app.drain()
      expect(await handle.status()).toBe('succeeded')
      await nothingLeft(id, stores)
    },
  )

  it('takes it for a no when it cannot be looked up', async () => {
    const { id } = await recorded([1])
    await stage.db.schema.dropTable('meeting_consent').execute()
    await (await cleanupConsent.kiq(id)).result()
    expect((await getTranscript(stage.db, id)).audio_deleted).toBe(1)
    expect(existsSync(join(stage.folder, 'data', id, 'audio.wav'))).toBe(false)
  })
})

interface Stores {
  readonly recordings: ObjectStore
  readonly transcripts: ObjectStore
}

/** A transcript of a recorded meeting, its sound in all places, and what its people said. */
async function recorded(consents: readonly (0 | 1)[]): Promise<Transcript & { stores: Stores }> {
  const room = await stage.room()
  const meeting = await stage.meeting(room)
  const key = `${meeting.room_name.slice(1)}-2026-01-01T00:00:00Z.mp4`
  const recording_id = randomUUID()
  await stage.db
    .insertInto('recording')
    .values({
      id: recording_id,
      bucket_name: 'recordings',
      object_key: key,
      recorded_at: stage.now().toISOString(),
      status: 'pending',
      meeting_id: meeting.id,
    })
    .execute()
  for (const consent_given of consents)
    await stage.db
      .insertInto('meeting_consent')
      .values({
        id: randomUUID(),
        meeting_id: meeting.id,
        consent_given,
        consent_timestamp: stage.now().toISOString(),
      })
      .execute()
  const transcript = await stage.transcript({
    source_kind: 'room',
    room_id: room.id,
    meeting_id: meeting.id,
    recording_id,
  })
  await stage.recording(transcript, 'audio.wav')
  await stage.recording(transcript, keptName)
  const { OBJECT_STORE_URL: url = '', ...rest } = stage.settings
  const access = { url, key: rest.OBJECT_STORE_KEY, secret: rest.OBJECT_STORE_SECRET }
  const stores = {
    recordings: new ObjectStore(access, 'recordings'),
    transcripts: new ObjectStore(access, 'transcripts'),
  }
  const file = join(stage.folder, 'data', transcript.id, 'audio.wav')
  await stores.recordings.put(key, file)
  await stores.transcripts.put(`${transcript.id}/audio.${format}`, file)
  stage.world.journal.clear()
  return { ...transcript, stores }
}

async function nothingLeft(id: string, { recordings, transcripts }: Stores): Promise<void> {
  for (const store of [recordings, transcripts])
    for await (const key of store.list()) expect.fail(`${key} is still there`)
  for (const name of ['audio.wav', keptName])
    expect(existsSync(join(stage.folder, 'data', id, name))).toBe(false)
  expect((await getTranscript(stage.db, id)).audio_deleted).toBe(1)
}
