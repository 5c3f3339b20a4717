import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { cleanupOldPublicData } from '../src/tasks/cleanup.ts'
import { healthcheckPing, ping } from '../src/tasks/health.ts'
import { onRedis, setStage, virtualOnly, type Stage } from './stage.ts'

let stage: Stage
afterEach(() => stage.end())

it('the monitor is told, and its failure is its own matter', async () => {
  stage = await setStage({ mode: 'inline' })
  await (await healthcheckPing.kiq()).result()
  stage.world.faults.plan({ service: 'health', does: { reset: true } })
  await (await healthcheckPing.kiq()).result()
  expect(stage.world.journal.of('health')).toHaveLength(2)
  expect(await (await ping.kiq()).result()).toBe('pong')
})

it('what people without an account recorded goes after its time, with all that belongs to it', async () => {
  stage = await setStage({ mode: 'inline' }, { PUBLIC_MODE: '1' })
  const old = await recorded({ created_at: daysAgo(31) })
  const broken = await recorded({ created_at: daysAgo(31) })
  const kept = [
    await recorded({ created_at: daysAgo(31), user_id: 'ada' }),
    await recorded({ created_at: daysAgo(1) }),
  ]
  const object = { service: 'store', path: `/transcripts/${broken}/`, does: { status: 500 } }
  stage.world.faults.plan(object)
  const stats = await (await cleanupOldPublicData.kiq()).result()
  expect(stats).toMatchObject({
    transcripts_deleted: 1,
    meetings_deleted: 1,
    recordings_deleted: 1,
    errors: [expect.stringContaining(broken)],
  })
  const left = await stage.db.selectFrom('transcript').select('id').execute()
  expect(left.map(({ id }) => id).sort()).toEqual([broken, ...kept].sort())
  expect(existsSync(join(stage.folder, 'data', old))).toBe(false)
  expect(await stage.db.selectFrom('meeting_consent').selectAll().execute()).toHaveLength(3)
  const deleted = stage.world.journal.visits.filter(({ method }) => method === 'DELETE')
  expect(deleted.map(({ path }) => path).sort()).toContain(`/recordings/${old}.mp4`)
})

it('nothing is deleted where people have accounts', async () => {
  stage = await setStage({ mode: 'inline' })
  await recorded({ created_at: '2000-01-01T00:00:00.000Z' })
  expect(await (await cleanupOldPublicData.kiq()).result()).toBeNull()
  expect(await stage.db.selectFrom('transcript').selectAll().execute()).toHaveLength(1)
})

it.skipIf(onRedis)(
  `a database that is down is asked three times more, every five minutes${virtualOnly}`,
  async () => {
    stage = await setStage({ mode: 'inline' }, { PUBLIC_MODE: '1' })
    await stage.db.schema.alterTable('transcript').renameTo('away').execute()
    const began = stage.virtual.clock.now()
    const handle = await cleanupOldPublicData.kiq()
    await stage.app.drain()
    expect(await handle.status()).toBe('failed')
    const starts = stage.virtual.journal.filter(({ kind }) => kind === 'started')
    expect(starts.map(({ at }) => Math.round((at - began) / 1000))).toEqual([0, 300, 600, 900])
  },
)

const daysAgo = (days: number): string =>
  new Date(stage.now().getTime() - days * 86_400_000).toISOString()

/** A transcript with a meeting, a consent, a recording and files. Its id. */
async function recorded(of: { created_at: string; user_id?: string }): Promise<string> {
  const id = randomUUID()
  const meeting = await stage.meeting(await stage.room())
  await stage.db
    .insertInto('meeting_consent')
    .values({
      id: randomUUID(),
      meeting_id: meeting.id,
      consent_given: 1,
      consent_timestamp: of.created_at,
    })
    .execute()
  const recording_id = randomUUID()
  await stage.db
    .insertInto('recording')
    .values({
      id: recording_id,
      bucket_name: 'recordings',
      object_key: `${id}.mp4`,
      recorded_at: of.created_at,
      status: 'pending',
      meeting_id: meeting.id,
    })
    .execute()
  const transcript = await stage.transcript({ id, meeting_id: meeting.id, recording_id, ...of })
  await stage.recording(transcript, 'audio.wav')
  return id
}
