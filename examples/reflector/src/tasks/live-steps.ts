import { rm, stat } from 'node:fs/promises'
import { TaskContext } from 'taskwright'
import { broker, stepRetry } from '../broker.ts'
import { addEvent } from '../data/events.ts'
import { saveTopic, topicsOf } from '../data/topics.ts'
import { getTranscript, patchTranscript, setStatus } from '../data/transcripts.ts'
import { assignSpeakers } from '../pipelines/assign-speakers.ts'
import { makeWaveform } from '../pipelines/file-pipeline.ts'
import { summariesOf, titleOf } from '../pipelines/summaries.ts'
import { filesOf, inTransaction } from '../pipelines/workshop.ts'
import { withSession, workshop } from './dependencies.ts'

const celery = 'reflector.pipelines.main_live_pipeline'
const params = ['transcript_id'] as const

/** Draws the outline of a live recording. */
export const pipelineWaveform = broker.task(
  {
    name: 'task_pipeline_waveform',
    aliases: [`${celery}.task_pipeline_waveform`],
    deps: { workshop },
    params,
    retry: stepRetry,
    timeout: '5m',
  },
  async ({ workshop }, transcriptId: string) => {
    const files = filesOf(workshop, transcriptId)
    await makeWaveform(workshop, transcriptId, files.wav)
  },
)

/** Makes the MP3 of a live recording, and removes the WAV. */
export const pipelineConvertToMp3 = broker.task(
  {
    name: 'task_pipeline_convert_to_mp3',
    aliases: [`${celery}.task_pipeline_convert_to_mp3`],
    deps: { workshop, ctx: TaskContext },
    params,
    retry: stepRetry,
    timeout: '12m',
  },
  async ({ workshop, ctx }, transcriptId: string) => {
    const files = filesOf(workshop, transcriptId)
    if (!(await exists(files.wav))) {
      ctx.logger.warn('there is no WAV: it has been converted already')
      return
    }
    await workshop.tool.extract(files.wav, files.audio)
    await rm(files.wav, { force: true })
  },
)

/** Moves the MP3 to the object store. */
export const pipelineUploadMp3 = broker.task(
  {
    name: 'task_pipeline_upload_mp3',
    aliases: [`${celery}.task_pipeline_upload_mp3`],
    deps: { workshop, session: withSession, ctx: TaskContext },
    params,
    retry: stepRetry,
    timeout: '5m',
  },
  async ({ workshop, session, ctx }, transcriptId: string) => {
    const { storage } = workshop
    const transcript = await getTranscript(workshop.db, transcriptId)
    if (storage === undefined || transcript.audio_deleted === 1) return
    const files = filesOf(workshop, transcriptId)
    if (!(await exists(files.audio))) {
      ctx.logger.warn('there is no MP3 to store')
      return
    }
    await storage.put(files.storageKey(transcriptId), files.audio, files.audioType)
    await patchTranscript(await session.begin(), transcriptId, { audio_location: 'storage' })
    session.afterCommit(() => rm(files.audio, { force: true }))
  },
)

/** Removes what was uploaded. */
export const pipelineRemoveUpload = broker.task(
  {
    name: 'task_pipeline_remove_upload',
    aliases: [`${celery}.task_pipeline_remove_upload`],
    deps: { workshop },
    params,
    retry: stepRetry,
    timeout: '1m',
  },
  async ({ workshop }, transcriptId: string) => {
    await filesOf(workshop, transcriptId).removeUpload()
  },
)

/** Tells who says what in a live recording, topic by topic. */
export const pipelineDiarization = broker.task(
  {
    name: 'task_pipeline_diarization',
    aliases: [`${celery}.task_pipeline_diarization`],
    deps: { workshop, session: withSession, ctx: TaskContext },
    params,
    retry: stepRetry,
    timeout: '20m',
  },
  async ({ workshop, session, ctx }, transcriptId: string) => {
    const transcript = await getTranscript(workshop.db, transcriptId)
    const { storage, diarization } = workshop
    if (transcript.audio_location === 'local') return
    if (storage === undefined || diarization === undefined) return
    const key = filesOf(workshop, transcriptId).storageKey(transcriptId)
    const url = storage.signedUrl(key, { now: workshop.now() })
    const segments = await diarization.ofUrl(url, ctx.signal)
    const db = await session.begin()
    const topics = await topicsOf(db, transcriptId)
    const all = topics.flatMap((topic) => topic.words)
    const words = assignSpeakers(all, segments)
    let at = 0
    for (const topic of topics) {
      const changed = { ...topic, words: words.slice(at, at + topic.words.length) }
      at += topic.words.length
      await saveTopic(db, transcriptId, changed)
      await addEvent(db, transcriptId, { event: 'TOPIC', data: changed })
    }
  },
)

/** Gives a live recording its title. */
export const pipelineTitle = broker.task(
  {
    name: 'task_pipeline_title',
    aliases: [`${celery}.task_pipeline_title`],
    deps: { workshop, session: withSession },
    params,
    retry: stepRetry,
    timeout: '5m',
  },
  async ({ workshop, session }, transcriptId: string) => {
    const topics = await topicsOf(workshop.db, transcriptId)
    if (topics.length === 0) return
    const found = await titleOf(workshop.model, topics)
    const db = await session.begin()
    const { title: given } = await getTranscript(db, transcriptId)
    const title = given || found
    await patchTranscript(db, transcriptId, { title })
    await addEvent(db, transcriptId, { event: 'FINAL_TITLE', data: { title } })
  },
)

/** Sums a live recording up, which ends its transcript. */
export const pipelineFinalSummaries = broker.task(
  {
    name: 'task_pipeline_final_summaries',
    aliases: [`${celery}.task_pipeline_final_summaries`],
    deps: { workshop, session: withSession },
    params,
    retry: stepRetry,
    timeout: '5m',
  },
  async ({ workshop, session }, transcriptId: string) => {
    await inTransaction(workshop, (db) => setStatus(db, transcriptId, 'processing'))
    const topics = await topicsOf(workshop.db, transcriptId)
    const summaries = topics.length === 0 ? undefined : await summariesOf(workshop.model, topics)
    const db = await session.begin()
    if (summaries !== undefined) {
      const { short: short_summary, long: long_summary } = summaries
      await patchTranscript(db, transcriptId, { short_summary, long_summary })
      await addEvent(db, transcriptId, { event: 'FINAL_LONG_SUMMARY', data: { long_summary } })
      await addEvent(db, transcriptId, { event: 'FINAL_SHORT_SUMMARY', data: { short_summary } })
    }
    await setStatus(db, transcriptId, 'ended')
  },
)

/** What becomes of a transcript whose steps failed for good. One that has ended stays so. */
export const markFailed = broker.task(
  { name: 'mark_failed', deps: { session: withSession }, params },
  async ({ session }, transcriptId: string) => {
    await setStatus(await session.begin(), transcriptId, 'error')
  },
)

async function exists(file: string): Promise<boolean> {
  return (await stat(file).catch(() => undefined)) !== undefined
}
