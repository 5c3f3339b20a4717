import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { makeRecording } from '../src/audio/recording.ts'
import { broker } from '../src/broker.ts'
import { eventsAfter, type NumberedEvent } from '../src/data/events.ts'
import { topicsOf } from '../src/data/topics.ts'
import { getTranscript } from '../src/data/transcripts.ts'
import { LivePipeline } from '../src/pipelines/live-pipeline.ts'
import { pipelineProcess } from '../src/tasks/live-process.ts'
import { markFailed, pipelineDiarization, pipelineFinalSummaries } from '../src/tasks/live-steps.ts'
import { postToZulip } from '../src/tasks/zulip-post.ts'
import { workshop } from '../src/tasks/dependencies.ts'
import { afterLive } from '../src/workflows.ts'
import { onRedis, setStage, shortTalk, type Stage } from './stage.ts'

let stage: Stage
afterEach(() => stage.end())

const steps = [
  'task_pipeline_waveform',
  'task_pipeline_convert_to_mp3',
  'task_pipeline_upload_mp3',
  'task_pipeline_remove_upload',
  'task_pipeline_diarization',
  'task_cleanup_consent',
  'task_pipeline_title',
  'task_pipeline_final_summaries',
  'task_pipeline_post_to_zulip',
] as const

/** A conversation that was recorded live and is to be finished; the run that does it. */
async function recorded(): Promise<{ id: string; runId: string }> {
  const room = await stage.room()
  const transcript = await stage.transcript({ source_kind: 'live', room_id: room.id })
  await broker.scope(async (resolve) => {
    const { shop } = await resolve({ shop: workshop })
    const pipeline = new LivePipeline(shop, transcript)
    await pipeline.start()
    const { samples } = makeRecording(shortTalk)
    for (let at = 0; at < samples.length; at += 8000) pipeline.push(samples.subarray(at, at + 8000))
    await pipeline.finish()
  })
  const { runId } = await afterLive(transcript.id, transcript.id)
  return { id: transcript.id, runId }
}

const eventsOf = (id: string): Promise<NumberedEvent[]> => eventsAfter(stage.db, id, 0)

/** The tasks of the workflow in the order in which they ended. */
const order = (): string[] =>
  stage.app
    .settled()
    .map(({ task }) => task)
    .filter((task) => (steps as readonly string[]).includes(task))

function expectOrder(): void {
  const ended = order()
  expect([...ended].sort()).toEqual([...steps].sort())
  expect(ended.filter((task) => task !== 'task_pipeline_title')).toEqual(
    steps.filter((task) => task !== 'task_pipeline_title'),
  )
  expect(ended.indexOf('task_pipeline_title')).toBeLessThan(
    ended.indexOf('task_pipeline_final_summaries'),
  )
}

/** As many orders of the workers are tried; `REFLECTOR_SEEDS=50` for all that are asked for. */
const seeds = Number(process.env['REFLECTOR_SEEDS'] ?? (onRedis ? 2 : 4))

describe('what follows a live recording', () => {
  it('goes in its order, and ends with a transcript that knows who spoke', async () => {
    stage = await setStage({ mode: 'inline' })
    const { id, runId } = await recorded()
    await stage.app.drain()
    expect(stage.app.failures).toEqual([])
    expectOrder()
    expect(await broker.workflow(runId).status()).toBe('succeeded')
    const transcript = await getTranscript(stage.db, id)
    expect(transcript).toMatchObject({ status: 'ended', audio_location: 'storage' })
    expect(existsSync(join(stage.folder, 'data', id, 'audio.wav'))).toBe(false)
    const words = (await topicsOf(stage.db, id)).flatMap((topic) => topic.words)
    expect(new Set(words.map(({ speaker }) => speaker))).toEqual(new Set([0, 1]))
    const events = await eventsOf(id)
    const values = events.flatMap((one) => (one.event === 'STATUS' ? one.data.value : []))
    expect(values).toEqual(['recording', 'processing', 'ended'])
    expect(events.at(-1)).toMatchObject({ event: 'STATUS', data: { value: 'ended' } })
    expect(stage.world.zulip.messages.size).toBe(1)
  })

  it(
    'keeps its order and every event, whoever of the workers comes first',
    async () => {
      for (let seed = 1; seed <= seeds; seed++) {
        stage = await setStage({ mode: 'concurrent', seed })
        const { id } = await recorded()
        await stage.app.drain()
        expectOrder()
        const events = await eventsOf(id)
        const names = events.map(({ event }) => event)
        // Two branches have written at the same time; nothing was lost, and nothing is there twice.
        for (const name of ['WAVEFORM', 'FINAL_TITLE', 'FINAL_LONG_SUMMARY', 'DURATION'])
          expect(names.filter((one) => one === name)).toHaveLength(1)
        expect(names.filter((one) => one === 'TOPIC')).toHaveLength(
          (await topicsOf(stage.db, id)).length,
        )
        expect(events.at(-1)).toMatchObject({ data: { value: 'ended' } })
        if (seed < seeds) await stage.end()
      }
    },
    seeds * 15_000,
  )

  it.each([
    ['fails', { status: 503 }],
    ['has too much to do', { status: 429 }],
    ['breaks the connection', { reset: true }],
  ] as const)('passes the barrier once when the diarizer %s twice', async (_, does) => {
    stage = await setStage({ mode: 'concurrent', seed: 2 })
    stage.world.faults.plan({ service: 'diarizer', times: 2, does })
    const { id } = await recorded()
    await stage.app.drain()
    expect(stage.app.settled(pipelineDiarization)).toMatchObject([{ attempt: 3 }])
    expect(stage.app.settled(pipelineFinalSummaries)).toHaveLength(1)
    expect(stage.app.settled(postToZulip)).toHaveLength(1)
    expect(stage.world.zulip.messages.size).toBe(1)
    expect((await getTranscript(stage.db, id)).status).toBe('ended')
  })

  it('runs neither summaries nor Zulip when the title fails for good, and says so', async () => {
    stage = await setStage({ mode: 'concurrent', seed: 4 })
    stage.world.faults.plan({
      service: 'llm',
      body: 'one title',
      times: 'always',
      does: { status: 500 },
    })
    const { id, runId } = await recorded()
    await stage.app.drain()
    expect(order()).not.toContain('task_pipeline_final_summaries')
    expect(stage.app.settled(markFailed)).toHaveLength(1)
    expect((await getTranscript(stage.db, id)).status).toBe('error')
    const nodes = await broker.workflow(runId).nodes()
    expect(nodes.filter(({ status }) => status === 'failed').map(({ name }) => name)).toContain(
      'task_pipeline_title',
    )
  })

  it('is resumed where it failed: what was done is not done again', async () => {
    stage = await setStage({ mode: 'concurrent', seed: 6 })
    stage.world.faults.plan({
      service: 'llm',
      body: 'quick recap',
      times: 'always',
      does: { status: 500 },
    })
    const { id, runId } = await recorded()
    await stage.app.drain()
    expect((await getTranscript(stage.db, id)).status).toBe('error')
    const heard = (): number[] =>
      ['transcriber', 'diarizer'].map((service) => stage.world.journal.of(service).length)
    const before = heard()
    const settled = stage.app.settled().length
    stage.world.faults.clear()
    await broker.workflow(runId).resume()
    await stage.app.drain()
    expect(await broker.workflow(runId).status()).toBe('succeeded')
    expect(
      stage.app
        .settled()
        .slice(settled)
        .map(({ task }) => task),
    ).toEqual(['task_pipeline_final_summaries', 'task_pipeline_post_to_zulip'])
    expect(heard()).toEqual(before)
    expect((await getTranscript(stage.db, id)).status).toBe('ended')
  })

  it.each(steps)('survives a worker that dies in %s', async (task) => {
    stage = await setStage({ mode: 'concurrent', seed: 8 })
    stage.app.killIn(task)
    const { id, runId } = await recorded()
    await stage.app.drain()
    expect(stage.app.killsToCome).toEqual([])
    expect(await broker.workflow(runId).status()).toBe('succeeded')
    expectOrder()
    expect((await getTranscript(stage.db, id)).status).toBe('ended')
    expect(stage.world.zulip.messages.size).toBe(1)
    const names = (await eventsOf(id)).map(({ event }) => event)
    for (const name of ['WAVEFORM', 'FINAL_TITLE', 'FINAL_SHORT_SUMMARY'])
      expect(names.filter((one) => one === name)).toHaveLength(1)
  })
})

it('the live pipeline runs over a file, and again over what it kept', async () => {
  stage = await setStage({ mode: 'inline' })
  const { id } = await stage.transcript({ source_kind: 'live' })
  const transcript = await getTranscript(stage.db, id)
  await stage.recording(transcript, 'audio.wav')
  await pipelineProcess.kiq(id)
  await stage.app.drain()
  expect((await getTranscript(stage.db, id)).status).toBe('ended')
  const topics = (await topicsOf(stage.db, id)).length
  // From the object store this time.
  await stage.db.updateTable('transcript').set({ status: 'error' }).execute()
  await pipelineProcess.kiq(id)
  await stage.app.drain()
  expect(stage.app.failures).toEqual([])
  expect((await getTranscript(stage.db, id)).status).toBe('ended')
  expect(await topicsOf(stage.db, id)).toHaveLength(topics)
})
