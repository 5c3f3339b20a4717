import { join } from 'node:path'
import {
  createBroker,
  createWorker,
  silentLogger,
  type Broker,
  type Sendable,
  type Worker,
} from 'taskwright'
import type { Kysely } from 'kysely'
import { cp } from 'node:fs/promises'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { openDatabase } from '../src/data/database.ts'
import { migrate } from '../src/data/migrations.ts'
import type { Tables } from '../src/data/tables.ts'
import { getTranscript, setUploaded, type Transcript } from '../src/data/transcripts.ts'
import { broker } from '../src/broker.ts'
import { compareTranscripts } from '../src/dual/compare-transcripts.ts'
import { dualTask } from '../src/dual/dual-task.ts'
import { switchTask, wayOf } from '../src/dual/flags.ts'
import { processFile } from '../src/pipelines/file-pipeline.ts'
import type { Workshop } from '../src/pipelines/workshop.ts'
import { workshop } from '../src/tasks/dependencies.ts'
import { pipelineFileProcess } from '../src/tasks/file-process.ts'
import { setStage, type Stage } from './stage.ts'

const name = 'reflector.pipelines.main_file_pipeline.task_pipeline_file_process'
let stage: Stage
let legacy: Broker
let worker: Worker
let oldDb: Kysely<Tables>
let oldTask: Sendable<[string], void>
const oldRuns: string[] = []

/** The old system: a worker of its own on a queue of its own, with its own database. */
beforeEach(async () => {
  oldRuns.length = 0
  stage = await setStage({ mode: 'concurrent', seed: 41 }, { DRY_RUN: '1' })
  oldDb = openDatabase(`sqlite:${join(stage.folder, 'old.db')}`)
  await migrate(oldDb)
  const shop = await broker.scope(async (resolve) => (await resolve({ workshop })).workshop)
  const settings = { ...stage.settings, DATA_DIR: join(stage.folder, 'old-data') }
  const oldShop: Workshop = { ...shop, db: oldDb, settings }
  legacy = createBroker({ transport: 'memory:', logger: silentLogger })
  oldTask = legacy.task({ name, params: ['transcript_id'] }, async (id: string) => {
    oldRuns.push(id)
    const run = { signal: new AbortController().signal, warn: () => {} }
    await processFile(oldShop, id, run)
    // The old system tells the world; its shadow must not tell it again.
    await fetch(`${stage.world.url}/health/ping`)
  })
  worker = createWorker(legacy, { concurrency: 4 })
  await worker.start()
})

afterEach(async () => {
  await worker.stop()
  await legacy.stop()
  await oldDb.destroy()
  await stage.end()
})

/** The same transcript in both systems. */
async function uploaded(): Promise<Transcript> {
  const transcript = await stage.transcript({ source_kind: 'file' })
  await oldDb.insertInto('transcript').values(transcript).execute()
  await stage.recording(transcript, 'upload.wav')
  const { id } = transcript
  await cp(join(stage.folder, 'data', id), join(stage.folder, 'old-data', id), { recursive: true })
  for (const db of [stage.db, oldDb]) await setUploaded(db, id)
  return transcript
}

const dual = () =>
  dualTask({
    old: oldTask,
    next: pipelineFileProcess,
    way: () => wayOf(oldDb, name),
    shadow: broker,
  })

it('goes the old way until it is switched, and the new way then', async () => {
  const [first, second] = [await uploaded(), await uploaded()]
  const one = await dual().kiq(first.id)
  await one.handle.result({ timeout: '20s' })
  expect(one.way).toBe('old')
  expect(oldRuns).toEqual([first.id])
  expect(stage.app.sent(pipelineFileProcess)).toEqual([])

  await switchTask(oldDb, name, 'new')
  expect((await dual().kiq(second.id)).way).toBe('new')
  await stage.app.drain()
  expect(oldRuns).toEqual([first.id])
  expect((await getTranscript(stage.db, second.id)).status).toBe('ended')
})

it('in the shadow both do it, alike, and the world is told by the old one alone', async () => {
  const { id } = await uploaded()
  const room = await stage.room()
  await stage.db.updateTable('transcript').set({ source_kind: 'room', room_id: room.id }).execute()
  await switchTask(oldDb, name, 'shadow')
  const { handle } = await dual().kiq(id)
  await handle.result({ timeout: '20s' })
  await stage.app.drain()
  expect(stage.app.failures).toEqual([])
  expect(await compareTranscripts(oldDb, stage.db, id)).toEqual([])
  expect(stage.world.journal.of('zulip')).toEqual([])
  expect(stage.world.journal.of('receiver')).toEqual([])
  expect(stage.world.journal.of('health')).toHaveLength(1)

  await stage.db.updateTable('transcript').set({ title: 'Another' }).execute()
  expect(await compareTranscripts(oldDb, stage.db, id)).toMatchObject([{ what: 'title' }])
})

it('switched back while it runs, everything ends once, where it was sent', async () => {
  const ids: string[] = []
  for (let count = 0; count < 6; count++) ids.push((await uploaded()).id)
  await switchTask(oldDb, name, 'new')
  const sent: string[] = []
  for (const [index, id] of ids.entries()) {
    if (index === 3) await switchTask(oldDb, name, 'old')
    sent.push((await dual().kiq(id)).way)
  }
  expect(sent).toEqual(['new', 'new', 'new', 'old', 'old', 'old'])
  await stage.app.drain()
  expect(stage.app.failures).toEqual([])
  await expect.poll(() => oldRuns.length, { timeout: 20_000 }).toBe(3)
  await worker.stop()
  const status = async (db: Kysely<Tables>, id: string): Promise<string> =>
    (await getTranscript(db, id)).status
  for (const id of ids.slice(0, 3))
    expect([await status(stage.db, id), await status(oldDb, id)]).toEqual(['ended', 'uploaded'])
  for (const id of ids.slice(3))
    expect([await status(stage.db, id), await status(oldDb, id)]).toEqual(['uploaded', 'ended'])
  expect(stage.app.settled(pipelineFileProcess)).toHaveLength(3)
})
