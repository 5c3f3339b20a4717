import { mkdir, writeFile } from 'node:fs/promises'
import { durationOf } from '../audio/audio-tool.ts'
import { encodeWav, type Pcm } from '../audio/wav.ts'
import { addEvent } from '../data/events.ts'
import { patchTranscript, setStatus } from '../data/transcripts.ts'
import { keepTopic } from './file-pipeline.ts'
import { TopicDetector } from './topic-detector.ts'
import { filesOf, inTransaction, type Workshop } from './workshop.ts'

/** Samples per second of a live recording. */
export const liveRate = 16_000
/** How long a piece may be that is transcribed at once, in seconds. */
const longestPiece = 10
/** A piece ends in a silence of this many seconds, so that no word is cut. */
const silence = 0.2

/**
 * Transcribes while it is being said: samples are pushed as they come, words and topics are told as they
 * are found. `finish` keeps the recording as `audio.wav`; what follows is work for the queue.
 */
export class LivePipeline {
  readonly #workshop: Workshop
  readonly #id: string
  readonly #detector: TopicDetector
  readonly #languages: { readonly from: string; readonly to: string }
  readonly #all: Int16Array[] = []
  #piece: number[] = []
  #quiet = 0
  #samples = 0
  #words = 0
  #working: Promise<void> = Promise.resolve()

  constructor(
    workshop: Workshop,
    transcript: { id: string; source_language: string; target_language: string },
  ) {
    this.#workshop = workshop
    this.#id = transcript.id
    this.#languages = { from: transcript.source_language, to: transcript.target_language }
    this.#detector = new TopicDetector(workshop.model, {
      transcriptId: transcript.id,
      minLength: workshop.settings.MIN_TRANSCRIPT_LENGTH,
    })
  }

  async start(): Promise<void> {
    await inTransaction(this.#workshop, (db) => setStatus(db, this.#id, 'recording'))
  }

  /** Takes samples of one channel at {@link liveRate}. */
  push(samples: Int16Array): void {
    this.#all.push(samples)
    for (const sample of samples) {
      this.#piece.push(sample)
      this.#quiet = Math.abs(sample) < 200 ? this.#quiet + 1 : 0
      const long = this.#piece.length > longestPiece * liveRate
      const pause = this.#quiet > silence * liveRate && this.#piece.length > 4 * liveRate
      if (long || pause) this.#cut()
    }
  }

  /** Waits for what is being transcribed, keeps the recording, and leaves the transcript processing. */
  async finish(): Promise<void> {
    this.#cut()
    await this.#working
    const topic = await this.#detector.flush()
    if (topic !== undefined) await keepTopic(this.#workshop, this.#id, topic)
    const files = filesOf(this.#workshop, this.#id)
    await mkdir(files.folder, { recursive: true })
    const recording: Pcm = { rate: liveRate, samples: joined(this.#all) }
    await writeFile(files.wav, encodeWav(recording))
    const duration = durationOf(recording)
    await inTransaction(this.#workshop, async (db) => {
      await patchTranscript(db, this.#id, { duration, audio_location: 'local' })
      await addEvent(db, this.#id, { event: 'DURATION', data: { duration } })
      await setStatus(db, this.#id, 'processing')
    })
  }

  async fail(): Promise<void> {
    await inTransaction(this.#workshop, (db) => setStatus(db, this.#id, 'error'))
  }

  /** Sends the piece off; pieces are transcribed one after the other, in their order. */
  #cut(): void {
    const samples = Int16Array.from(this.#piece)
    const offset = this.#samples / liveRate
    this.#samples += samples.length
    this.#piece = []
    this.#quiet = 0
    if (samples.length === 0) return
    this.#working = this.#working.then(() => this.#transcribe(samples, offset))
    // Its failure is told by finish(), which waits for it.
    this.#working.catch(() => {})
  }

  async #transcribe(samples: Int16Array, offset: number): Promise<void> {
    const { from, to } = this.#languages
    const wav = encodeWav({ rate: liveRate, samples })
    const { transcription } = this.#workshop
    const words = await transcription.ofPiece(wav, {
      offset,
      firstWord: this.#words,
      language: from,
    })
    if (words.length === 0) return
    this.#words += words.length
    const text = words.map((word) => word.text).join(' ')
    const translation = from === to ? null : await transcription.translate(text, from, to)
    await inTransaction(this.#workshop, (db) =>
      addEvent(db, this.#id, { event: 'TRANSCRIPT', data: { text, translation } }),
    )
    const topic = await this.#detector.push(words.map((word) => ({ ...word, speaker: 0 })))
    if (topic !== undefined) await keepTopic(this.#workshop, this.#id, topic)
  }
}

function joined(parts: readonly Int16Array[]): Int16Array {
  const all = new Int16Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}
