import { mkdir, stat, writeFile } from 'node:fs/promises'
import { durationOf } from '../audio/audio-tool.ts'
import { waveformOf } from '../audio/waveform.ts'
import { addEvent, clearEvents } from '../data/events.ts'
import { clearTopics, saveTopic, type Topic, type Word } from '../data/topics.ts'
import { getTranscript, patchTranscript, setStatus } from '../data/transcripts.ts'
import type { SpeakerSegment } from '../audio/tell-voices.ts'
import { assignSpeakers } from './assign-speakers.ts'
import { summariesOf, titleOf } from './summaries.ts'
import { TopicDetector } from './topic-detector.ts'
import { filesOf, inTransaction, type Workshop } from './workshop.ts'

/** How a run of a pipeline tells what it does, and is told to stop. */
export interface PipelineRun {
  readonly signal: AbortSignal
  readonly warn: (message: string, error?: unknown) => void
}

const wordsAtOnce = 300

/**
 * Makes a transcript of a recording that is complete: sound, words and speakers, topics, title and
 * summaries. What it wrote before is taken back first, so it may run again after a death.
 * @throws Error when there is nothing to hear, or a service that it cannot do without fails.
 */
export async function processFile(workshop: Workshop, id: string, run: PipelineRun): Promise<void> {
  const transcript = await getTranscript(workshop.db, id)
  await inTransaction(workshop, async (db) => {
    await clearEvents(db, id)
    await clearTopics(db, id)
    await setStatus(db, id, 'processing')
  })
  const audioUrl = await prepareAudio(workshop, id)

  const language = transcript.source_language
  const [words, diarization] = await all([
    workshop.transcription.ofUrl({ url: audioUrl, language }, run.signal),
    // Without it the transcript has one speaker, which is better than no transcript.
    workshop.diarization?.ofUrl(audioUrl, run.signal).catch((error: unknown) => {
      run.warn('the speakers could not be told apart', error)
      return undefined
    }) ?? Promise.resolve(undefined),
    makeWaveform(workshop, id),
  ])
  const topics = await makeTopics(workshop, id, spoken(words, diarization))
  if (topics.length === 0) run.warn('nothing was said, so there is no title and no summary')
  else
    await Promise.all([
      makeTitle(workshop, id, topics, run),
      makeSummaries(workshop, id, topics, run),
    ])
  await inTransaction(workshop, (db) => setStatus(db, id, 'ended'))
}

/** The sound of what was uploaded, kept and reachable by URL. */
async function prepareAudio(workshop: Workshop, id: string): Promise<string> {
  const files = filesOf(workshop, id)
  const source = (await files.upload()) ?? ((await exists(files.audio)) ? files.audio : undefined)
  if (source === undefined) throw new Error(`transcript ${id} has no recording`)
  const { storage } = workshop
  if (storage === undefined) throw new Error('there is no object store for transcripts')
  await mkdir(files.folder, { recursive: true })
  if (source !== files.audio) await workshop.tool.extract(source, files.audio)
  const duration = durationOf(await workshop.tool.decode(files.audio, 8000))
  await inTransaction(workshop, async (db) => {
    await patchTranscript(db, id, { duration })
    await addEvent(db, id, { event: 'DURATION', data: { duration } })
  })
  const key = `file_pipeline/${files.storageKey(id)}`
  await storage.put(key, files.audio, files.audioType)
  return storage.signedUrl(key, { now: workshop.now() })
}

/** Draws the outline of the sound and keeps it. */
export async function makeWaveform(workshop: Workshop, id: string, from?: string): Promise<void> {
  const files = filesOf(workshop, id)
  const { samples } = await workshop.tool.decode(from ?? files.audio, 8000)
  const waveform = waveformOf(samples)
  await writeFile(files.waveform, JSON.stringify({ data: waveform }))
  await inTransaction(workshop, (db) => addEvent(db, id, { event: 'WAVEFORM', data: { waveform } }))
}

function spoken(
  words: readonly { text: string; start: number; end: number }[],
  diarization: readonly SpeakerSegment[] | undefined,
): Word[] {
  const one = words.map((word) => ({ ...word, speaker: 0 }))
  return diarization === undefined ? one : assignSpeakers(one, diarization)
}

async function makeTopics(
  workshop: Workshop,
  id: string,
  words: readonly Word[],
): Promise<Topic[]> {
  const minLength = workshop.settings.MIN_TRANSCRIPT_LENGTH
  const detector = new TopicDetector(workshop.model, { transcriptId: id, minLength })
  const topics: Topic[] = []
  const keep = async (topic: Topic | undefined): Promise<void> => {
    if (topic === undefined) return
    topics.push(topic)
    await keepTopic(workshop, id, topic)
  }
  for (let at = 0; at < words.length; at += wordsAtOnce)
    await keep(await detector.push(words.slice(at, at + wordsAtOnce)))
  await keep(await detector.flush())
  return topics
}

/** Keeps a topic and tells of it. */
export async function keepTopic(workshop: Workshop, id: string, topic: Topic): Promise<void> {
  await inTransaction(workshop, async (db) => {
    await saveTopic(db, id, topic)
    await addEvent(db, id, { event: 'TOPIC', data: topic })
  })
}

async function makeTitle(
  workshop: Workshop,
  id: string,
  ...[topics, run]: [readonly Topic[], PipelineRun]
): Promise<void> {
  try {
    const title = await titleOf(workshop.model, topics)
    await inTransaction(workshop, async (db) => {
      // A title that a person has given stays.
      const { title: given } = await getTranscript(db, id)
      if (given === null || given === '') await patchTranscript(db, id, { title })
      await addEvent(db, id, { event: 'FINAL_TITLE', data: { title: given || title } })
    })
  } catch (error) {
    run.warn('there is no title', error)
  }
}

async function makeSummaries(
  workshop: Workshop,
  id: string,
  ...[topics, run]: [readonly Topic[], PipelineRun]
): Promise<void> {
  try {
    const { short, long } = await summariesOf(workshop.model, topics)
    await inTransaction(workshop, async (db) => {
      await patchTranscript(db, id, { short_summary: short, long_summary: long })
      await addEvent(db, id, { event: 'FINAL_LONG_SUMMARY', data: { long_summary: long } })
      await addEvent(db, id, { event: 'FINAL_SHORT_SUMMARY', data: { short_summary: short } })
    })
  } catch (error) {
    run.warn('there are no summaries', error)
  }
}

/** Waits for all to end, and then fails as the first that failed: nothing goes on behind a failed task. */
async function all<T extends readonly Promise<unknown>[]>(
  work: [...T],
): Promise<{ [K in keyof T]: Awaited<T[K]> }> {
  await Promise.allSettled(work)
  return Promise.all(work) as Promise<{ [K in keyof T]: Awaited<T[K]> }>
}

async function exists(file: string): Promise<boolean> {
  return (await stat(file).catch(() => undefined)) !== undefined
}
