import { rm, stat } from 'node:fs/promises'
import { TaskContext } from 'taskwright'
import { broker } from '../broker.ts'
import { clearEvents } from '../data/events.ts'
import { clearTopics } from '../data/topics.ts'
import { getTranscript, patchTranscript } from '../data/transcripts.ts'
import { LivePipeline, liveRate } from '../pipelines/live-pipeline.ts'
import { filesOf, inTransaction } from '../pipelines/workshop.ts'
import { afterLive } from '../workflows.ts'
import { workshop } from './dependencies.ts'
import { isOurFailure } from './is-our-failure.ts'

/** Runs the live pipeline over a recording that there is already. */
export const pipelineProcess = broker.task(
  {
    name: 'task_pipeline_process',
    aliases: ['reflector.pipelines.main_live_pipeline.task_pipeline_process'],
    deps: { workshop, ctx: TaskContext },
    params: ['transcript_id'],
    timeout: '20m',
  },
  async ({ workshop, ctx }, transcriptId: string) => {
    const transcript = await getTranscript(workshop.db, transcriptId)
    const files = filesOf(workshop, transcriptId)
    if (transcript.audio_location === 'storage')
      await workshop.storage?.download(files.storageKey(transcriptId), files.audio)
    await rm(files.waveform, { force: true })
    const upload = await files.upload()
    if (upload !== undefined && transcript.status !== 'uploaded')
      throw new Error(`the upload of transcript ${transcriptId} has been processed already`)
    const kept = [upload, files.audio, files.wav].filter((file) => file !== undefined)
    const source = (await Promise.all(kept.map(existing))).find((file) => file !== undefined)
    if (source === undefined) throw new Error(`transcript ${transcriptId} has no recording`)
    await inTransaction(workshop, async (db) => {
      await clearTopics(db, transcriptId)
      await clearEvents(db, transcriptId)
    })
    const pipeline = new LivePipeline(workshop, transcript)
    try {
      await pipeline.start()
      const { samples } = await workshop.tool.decode(source, liveRate)
      // As they would come over the line: a second at a time.
      for (let at = 0; at < samples.length; at += liveRate)
        pipeline.push(samples.subarray(at, at + liveRate))
      await pipeline.finish()
    } catch (error) {
      if (isOurFailure(ctx.signal)) await pipeline.fail()
      throw error
    }
    const { runId } = await afterLive(transcriptId, ctx.taskId)
    await patchTranscript(workshop.db, transcriptId, { workflow_run_id: runId })
  },
)

const existing = async (file: string): Promise<string | undefined> =>
  (await stat(file).catch(() => undefined)) === undefined ? undefined : file
