/** Scenario 34: what whoever keeps it running sees of it. */
import type { DeadMessage } from 'taskwright'
import { afterEach, expect, it } from 'vitest'
import { broker } from '../src/broker.ts'
import { getTranscript, setUploaded } from '../src/data/transcripts.ts'
import { metricsText } from '../src/metrics/prometheus.ts'
import { pipelineFileProcess } from '../src/tasks/file-process.ts'
import { ping } from '../src/tasks/health.ts'
import { startProcessing } from '../src/tasks/start-processing.ts'
import { onRedis, setStage, virtualOnly, type Stage } from './stage.ts'

let stage: Stage
afterEach(() => stage.end())

/** A recording that is processed well, one whose transcriber fails, and a webhook that needs three requests. */
async function aDay(): Promise<void> {
  const room = await stage.room()
  for (const _ of [1, 2]) {
    const { id } = await stage.transcript({ source_kind: 'room', room_id: room.id })
    await stage.recording(await getTranscript(stage.db, id), 'upload.wav')
    await setUploaded(stage.db, id)
    stage.world.faults.plan({ service: 'receiver', times: 2, does: { status: 500 } })
    await startProcessing(stage.db, id)
    await stage.app.drain()
    stage.world.faults.plan({ service: 'transcriber', does: { status: 500 } })
  }
  await ping.kiqMany([[], [], []])
  await stage.app.drain()
}

it('the metrics count every run of every task, as often as it took place', async () => {
  stage = await setStage({ mode: 'concurrent', seed: 51 })
  await aDay()
  const expected = new Map<string, number>()
  const add = (task: string, outcome: string, runs: number): void => {
    const key = `${task} ${outcome}`
    expected.set(key, (expected.get(key) ?? 0) + runs)
  }
  for (const { task, status, attempt } of stage.app.settled()) {
    add(task, 'succeeded', status === 'succeeded' ? 1 : 0)
    add(task, 'failed', status === 'succeeded' ? attempt - 1 : attempt)
  }
  const text = await metricsText({ db: stage.db, broker, slots: 16 })
  const line = /^reflector_task_runs_total\{task="(\w+)",outcome="(\w+)"\} (\d+)$/gm
  const counted = [...text.matchAll(line)].map(
    ([, task, outcome, runs]) => [`${task} ${outcome}`, Number(runs)] as const,
  )
  expect(Object.fromEntries(counted)).toEqual(Object.fromEntries(expected))
  expect(Object.fromEntries(counted)).toMatchObject({
    'task_pipeline_file_process succeeded': 1,
    'task_pipeline_file_process failed': 1,
    'send_transcript_webhook succeeded': 1,
    'send_transcript_webhook failed': 2,
    'ping succeeded': 3,
  })
  // Each run has its time.
  const times = /^reflector_task_seconds_bucket\{task="ping",le="\+Inf"\} (\d+)$/m.exec(text)
  expect(times?.[1]).toBe('3')
})

it('the metrics tell how much of the workers is used, and what waits', async () => {
  stage = await setStage({ mode: 'concurrent', seed: 54 })
  const { id } = await stage.transcript({ source_kind: 'file' })
  await stage.recording(await getTranscript(stage.db, id), 'upload.wav')
  await setUploaded(stage.db, id)
  stage.world.faults.plan({ service: 'transcriber', does: { delay: 1000 } })
  await startProcessing(stage.db, id)
  const used = async (): Promise<number> => {
    const text = await metricsText({ db: stage.db, broker, slots: 4 })
    return Number(/^reflector_worker_utilisation (\S+)$/m.exec(text)?.[1])
  }
  await expect.poll(used, { timeout: 10_000 }).toBe(0.25)
  await stage.app.drain()
  expect(await used()).toBe(0)
})

it('a task that failed is kept with its arguments and its error, and runs again when it is put back', async () => {
  stage = await setStage({ mode: 'concurrent', seed: 52 })
  const { id } = await stage.transcript({ source_kind: 'file' })
  await setUploaded(stage.db, id)
  await startProcessing(stage.db, id)
  await stage.app.drain()
  const letter = await deadLetterOf(id)
  expect(letter).toMatchObject({
    reason: 'failed',
    detail: expect.stringMatching(/has no recording/),
  })
  await stage.recording(await getTranscript(stage.db, id), 'upload.wav')
  expect(await broker.retryDead([letter?.id ?? ''])).toEqual([letter?.id])
  await stage.app.drain()
  expect((await getTranscript(stage.db, id)).status).toBe('ended')
})

async function deadLetterOf(id: string): Promise<DeadMessage | undefined> {
  for await (const letter of broker.deadLetters.search({ task: pipelineFileProcess.name }))
    if (letter.message?.args[0] === id) return letter
  return undefined
}

it.skipIf(onRedis)(`results are kept for a day${virtualOnly}`, async () => {
  stage = await setStage({ mode: 'concurrent', seed: 53 })
  const handle = await ping.kiq()
  await stage.app.drain()
  await stage.virtual.clock.advance('23h59m')
  expect(await handle.waitResult({ timeout: 0 })).toMatchObject({ returnValue: 'pong' })
  await stage.virtual.clock.advance('2m')
  expect(await handle.status()).toBeNull()
})
